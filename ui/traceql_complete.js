// What may stand at the cursor of a TraceQL query: pure functions of text and position.

export const INTRINSICS = [
  'name',
  'status',
  'statusMessage',
  'duration',
  'kind',
  'rootName',
  'rootServiceName',
  'traceDuration',
  'trace:id',
  'span:id',
  'parent',
  'childCount',
  'event:name',
  'link:traceID',
  'instrumentation:name',
  'instrumentation:version',
];
const SCOPES = [
  'resource.',
  'span.',
  'event.',
  'link.',
  'instrumentation.',
  'parent.',
  'trace:',
  'span:',
  'event:',
  'link:',
];
const STATUS = ['error', 'ok', 'unset'];
const KINDS = ['server', 'client', 'producer', 'consumer', 'internal', 'unspecified'];
const PIPELINE = ['count()', 'avg(', 'min(', 'max(', 'sum(', 'by(', 'coalesce()', 'select('];
const METRICS = [
  'rate()',
  'count_over_time()',
  'quantile_over_time(duration, .95)',
  'histogram_over_time(duration)',
  'avg_over_time(duration)',
  'min_over_time(duration)',
  'max_over_time(duration)',
  'sum_over_time(duration)',
  'compare({ status = error })',
  'topk(10)',
  'bottomk(10)',
];
const WORD = /[\w.:/-]*$/;
const COMPARE = /([\w.:/-]+|"(?:[^"\\]|\\.)*")\s*(=~|!~|!=|>=|<=|=|>|<)\s*("?)([^"\s(){}&|]*)$/;

/** Whether `before` ends inside a string, and inside how many braces and parentheses. */
function nesting(before) {
  let braces = 0;
  let parens = 0;
  let quote = '';
  for (let i = 0; i < before.length; i += 1) {
    const c = before[i];
    if (quote) {
      if (c === '\\' && quote === '"') i += 1;
      else if (c === quote) quote = '';
    } else if (c === '"' || c === '`') quote = c;
    else if (c === '{') braces += 1;
    else if (c === '}') braces -= 1;
    else if (c === '(') parens += 1;
    else if (c === ')') parens -= 1;
  }
  return { braces, parens, quote };
}

/** The conditions before the cursor that are whole, as a query: they narrow the values offered. */
function narrowing(before) {
  const inside = before.slice(before.lastIndexOf('{') + 1);
  const cut = inside.lastIndexOf('&&');
  if (cut < 0 || inside.includes('||')) return '';
  return `{${inside.slice(0, cut)}}`;
}

/**
 * {kind, from, word, ...}: what is being written, and from which offset it is replaced. kind:
 * 'value' ({tag, quoted, q}), 'tag', 'function', 'none'.
 */
export function traceqlContext(text, cursor) {
  const before = text.slice(0, cursor);
  const { braces, parens, quote } = nesting(before);
  if (braces > 0) {
    const compare = COMPARE.exec(before);
    if (compare && (!quote || compare[3])) {
      return {
        kind: 'value',
        tag: compare[1],
        quoted: compare[3] === '"',
        word: compare[4],
        from: cursor - compare[4].length - compare[3].length,
        q: narrowing(before),
      };
    }
    if (quote) return { kind: 'none', from: cursor, word: '' };
    const word = WORD.exec(before)[0];
    return { kind: 'tag', from: cursor - word.length, word };
  }
  if (quote) return { kind: 'none', from: cursor, word: '' };
  const word = WORD.exec(before)[0];
  const from = cursor - word.length;
  const lead = before.slice(0, from).trimEnd();
  if (lead === '') return { kind: 'start', from, word };
  if (parens > 0 && /(by|select|_over_time|avg|min|max|sum)\s*\([^()]*$/.test(lead))
    return { kind: 'tag', from, word };
  if (lead.endsWith('|')) return { kind: 'function', from, word };
  if (/_over_time\([^()]*\)$|rate\(\)$/.test(lead)) return { kind: 'grouping', from, word };
  return { kind: 'none', from, word };
}

/** A tag as a query writes it: quoted where it has more than letters, digits, dots and the like. */
export function tagText(scope, name) {
  const plain = /^[A-Za-z_][\w./-]*$/.test(name) ? name : JSON.stringify(name);
  return scope === 'intrinsic' || !scope ? name : `${scope}.${plain}`;
}

/** How a value of /tag/.../values is written in a query. */
export function valueText({ type, value }) {
  return type === 'string' ? JSON.stringify(value) : String(value);
}

function score(candidate, word) {
  if (!word) return 1;
  const text = candidate.toLowerCase();
  const sought = word.toLowerCase();
  const at = text.indexOf(sought);
  if (at === 0) return 4;
  if (at > 0) return /[.:_ "/-]/.test(text[at - 1]) ? 3 : 2;
  return 0;
}

/** The candidates that fit the word, best first, at most `limit`. */
export function rank(candidates, word, limit = 50) {
  return candidates
    .map((c) => ({ c, points: score(c.text, word) }))
    .filter((one) => one.points > 0)
    .sort(
      (a, b) =>
        b.points - a.points || a.c.text.length - b.c.text.length || (a.c.text < b.c.text ? -1 : 1),
    )
    .slice(0, limit)
    .map((one) => one.c);
}

const plain = (texts, hint) => texts.map((text) => ({ text, hint }));

/**
 * Candidates [{text, hint}] for a context. `source` has tags() -> [{name: scope, tags}] and
 * values(tag, q) -> [{type, value}], both of which may take time.
 */
export async function traceqlCandidates(context, source) {
  const { kind, word } = context;
  if (kind === 'start') return rank([{ text: '{ ', hint: 'conditions on spans' }], word);
  if (kind === 'function')
    return rank([...plain(METRICS, 'metrics'), ...plain(PIPELINE, 'filter')], word);
  if (kind === 'grouping') return rank(plain(['by (', '> ', '< ', '| topk(10)'], ''), word);
  if (kind === 'value') {
    const { tag } = context;
    if (/^(span:)?status$/.test(tag)) return rank(plain(STATUS, 'status'), word);
    if (/^(span:)?kind$/.test(tag)) return rank(plain(KINDS, 'kind'), word);
    if (/duration$/i.test(tag))
      return rank(plain(['10ms', '100ms', '500ms', '1s', '5s'], 'duration'), word);
    const values = await source.values(tag.replace(/^parent\./, ''), context.q);
    return rank(
      values.map((v) => ({ text: valueText(v), hint: v.type === 'string' ? '' : v.type })),
      word,
    );
  }
  if (kind !== 'tag') return [];
  const found = [];
  for (const { name, tags } of await source.tags()) {
    for (const tag of tags) found.push({ text: tagText(name, tag), hint: name });
  }
  const known = new Set(found.map((one) => one.text));
  const more = INTRINSICS.filter((one) => !known.has(one));
  return rank([...found, ...plain(more, 'intrinsic'), ...plain(SCOPES, 'scope')], word);
}
