// In what the spans of a selection differ from the others: attributes whose values are more or less
// frequent there, from TraceQL's compare().

const LEAST = 0.05; // Smaller differences say nothing.
const MOST_VALUES = 5;

/** The condition of a selection: spans that failed, or a box of time (ms) and duration (ns). */
export function conditionOf(pick) {
  return pick.failed
    ? 'status = error'
    : `duration >= ${Math.floor(pick.low)}ns && duration <= ${Math.ceil(pick.high)}ns`;
}

/** The query that compares a selection with the rest of `spans`, a query in braces. */
export function compareQuery(spans, pick) {
  const times = pick.failed
    ? ''
    : `, ${Math.round(pick.start)}000000, ${Math.round(pick.end)}000000`;
  return `${spans} | compare({ ${conditionOf(pick)} }, 10${times})`;
}

/** "errors", or "start_end_low_high", as the address has it; null for anything else. */
export function parsePick(text) {
  if (text === 'errors') return { failed: true };
  const match = /^(\d+)_(\d+)_(\d+)_(\d+)$/.exec(text || '');
  if (!match) return null;
  const [start, end, low, high] = match.slice(1).map(Number);
  return start < end && low < high ? { failed: false, start, end, low, high } : null;
}

export const formatPick = ({ start, end, low, high }) =>
  [start, end, low, high].map((part) => Math.round(part)).join('_');

const sum = (points) => points.reduce((all, [, value]) => all + value, 0);

/**
 * series: [{labels, texts, points}] of compare(). Returns [{attribute, score, values: [{value, text
 * (whether it is one), selection, baseline}]}] with parts of all spans of either side, the largest
 * difference first.
 */
export function differencesOf(series) {
  const found = new Map();
  const totals = { selection: new Map(), baseline: new Map() };
  for (const { labels, texts, points } of series) {
    const { __meta_type: type, ...rest } = labels;
    const [[attribute, value] = []] = Object.entries(rest).filter(
      ([name]) => !name.startsWith('__'),
    );
    if (attribute === undefined) continue;
    const side = type?.replace('_total', '');
    if (!totals[side]) continue;
    if (type.endsWith('_total')) {
      totals[side].set(attribute, sum(points));
      continue;
    }
    if (!found.has(attribute)) found.set(attribute, new Map());
    const values = found.get(attribute);
    const text = texts.has(attribute);
    const key = `${text} ${value}`;
    if (!values.has(key)) values.set(key, { value, text, selection: 0, baseline: 0 });
    values.get(key)[side] += sum(points);
  }
  const whole = {
    selection: Math.max(...totals.selection.values(), 1),
    baseline: Math.max(...totals.baseline.values(), 1),
  };
  return [...found]
    .map(([attribute, values]) => {
      const parts = [...values.values()].map((one) => ({
        value: one.value,
        text: one.text,
        selection: one.selection / whole.selection,
        baseline: one.baseline / whole.baseline,
      }));
      const score = Math.max(...parts.map((one) => Math.abs(one.selection - one.baseline)));
      parts.sort(
        (a, b) =>
          Math.abs(b.selection - b.baseline) - Math.abs(a.selection - a.baseline) ||
          b.selection - a.selection,
      );
      return { attribute, score, values: parts.slice(0, MOST_VALUES) };
    })
    .filter((one) => one.score >= LEAST)
    .sort((a, b) => b.score - a.score || (a.attribute < b.attribute ? -1 : 1));
}
