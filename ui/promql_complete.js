// What may stand at the cursor of a PromQL query: pure functions of text and position.

import { rank } from './traceql_complete.js';

const FUNCTIONS = (
  'abs absent absent_over_time avg_over_time ceil changes clamp clamp_max clamp_min count_over_time day_of_month ' +
  'day_of_week days_in_month delta deriv exp floor histogram_avg histogram_count histogram_fraction histogram_quantile histogram_sum ' +
  'hour idelta increase irate label_join label_replace last_over_time ln log10 log2 max_over_time min_over_time minute month ' +
  'predict_linear present_over_time quantile_over_time rate resets round scalar sgn sort sort_desc sqrt stddev_over_time ' +
  'stdvar_over_time sum_over_time time timestamp traceql vector year'
).split(' ');
const AGGREGATIONS =
  'sum min max avg count stddev stdvar topk bottomk quantile count_values group'.split(' ');

/** kind: 'value' ({metric, label}), 'label' ({metric}), 'range', 'metric', 'none'; from, word as ever. */
export function promqlContext(text, cursor) {
  const before = text.slice(0, cursor);
  const selector = /([A-Za-z_:][\w:]*)?\s*\{([^{}]*)$/.exec(before);
  if (selector) {
    const [, metric = '', inside] = selector;
    const value = /([A-Za-z_]\w*)\s*(?:=~|!~|!=|=)\s*("?)([^",]*)$/.exec(inside);
    if (value) {
      return {
        kind: 'value',
        metric,
        label: value[1],
        word: value[3],
        from: cursor - value[3].length - value[2].length,
      };
    }
    const word = /\w*$/.exec(inside)[0];
    return { kind: 'label', metric, word, from: cursor - word.length };
  }
  const range = /\[(\w*)$/.exec(before);
  if (range) return { kind: 'range', word: range[1], from: cursor - range[1].length };
  if ((before.match(/"/g) || []).length % 2 === 1) return { kind: 'none', word: '', from: cursor };
  const word = /[A-Za-z_:][\w:]*$/.exec(before)?.[0] ?? '';
  const lead = before.slice(0, cursor - word.length);
  if (/\b(by|without|on|ignoring|group_left|group_right)\s*\([^()]*$/.test(lead)) {
    const metric = /([A-Za-z_:][\w:]*)\s*[{[]/.exec(text)?.[1] ?? '';
    return { kind: 'label', metric, word, from: cursor - word.length };
  }
  if (/[\d.]$/.test(lead) && !word) return { kind: 'none', word, from: cursor };
  return { kind: 'metric', word, from: cursor - word.length };
}

/**
 * Candidates [{text, hint}] for a context. `source` has metrics() -> names, labels(metric) -> names
 * and values(metric, label) -> values, which may take time.
 */
export async function promqlCandidates(context, source) {
  const { kind, word } = context;
  if (kind === 'range')
    return rank(
      ['1m', '5m', '15m', '1h', '1d'].map((text) => ({ text: `${text}]`, hint: '' })),
      word,
    );
  if (kind === 'label')
    return rank(
      (await source.labels(context.metric)).map((text) => ({ text, hint: 'label' })),
      word,
    );
  if (kind === 'value') {
    const values = await source.values(context.metric, context.label);
    return rank(
      values.map((text) => ({ text: JSON.stringify(text), hint: '' })),
      word,
    );
  }
  if (kind !== 'metric') return [];
  const names = (await source.metrics()).map((text) => ({ text, hint: 'metric' }));
  if (!word) return names.slice(0, 50);
  return rank(
    [
      ...FUNCTIONS.map((name) => ({ text: `${name}(`, hint: 'function' })),
      ...AGGREGATIONS.map((name) => ({ text: `${name}(`, hint: 'aggregation' })),
      ...names,
    ],
    word,
  );
}
