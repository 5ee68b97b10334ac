// What a service's page asks, and the lines that it draws of it.

import { getJson, secondsOf, traceqlInstant, traceqlMetrics } from './api.js';
import { foundTrace } from './found_trace.js';
import { stepOf } from './time.js';

const SECOND = 1e9;
const EXEMPLARS = 24;
const FAILURES = 8;
const QUANTILE_COLOURS = ['var(--s2)', 'var(--s0)', 'var(--s7)'];

/** Spans of a service, as a query. */
export const spansOf = (service) => `{ resource.service.name = ${JSON.stringify(service)} }`;

/** A query in braces with one condition more, which may hold a `$`. */
export const narrowed = (query, condition) => query.replace(/ \}$/, () => ` && ${condition} }`);

/** Everything of one range: {entries (the query of its requests), calls, quantiles, ...}. */
export async function askService(service, range, signal) {
  const length = range.end - range.start;
  const step = stepOf(length, 120);
  const all = spansOf(service);
  // The spans that are requests to the service; all of it, where it answers none.
  let entries = narrowed(all, '(kind = server || kind = consumer)');
  const rates = (query) => traceqlMetrics(`${query} | rate() by (status)`, range, step, signal);
  let calls = await rates(entries);
  if (calls.length === 0) {
    entries = all;
    calls = await rates(entries);
  }
  const failed = narrowed(entries, 'status = error');
  const quantileQuery = `${entries} | quantile_over_time(duration, .5, .95, .99)`;
  const bucketQuery = `${entries} | histogram_over_time(duration)`;
  const slowQuery = `${entries} | quantile_over_time(duration, .95) by (name)`;
  const newest = { q: narrowed(all, 'status = error'), limit: FAILURES, spss: 1 };
  const [quantiles, buckets, counts, slow, failures, traces] = await Promise.all([
    traceqlMetrics(quantileQuery, range, step, signal, EXEMPLARS),
    traceqlMetrics(bucketQuery, range, stepOf(length, 60), signal),
    traceqlInstant(`${entries} | count_over_time() by (name)`, range, signal),
    traceqlInstant(slowQuery, range, signal),
    traceqlInstant(`${failed} | count_over_time() by (name)`, range, signal),
    getJson('api/search', { ...newest, ...secondsOf(range) }, signal),
  ]);
  return {
    range,
    step,
    entries,
    calls,
    quantiles,
    buckets,
    operations: operationsOf(counts, slow, failures, length / 1000),
    failures: (traces.traces || []).map(foundTrace),
  };
}

/** [{name, rate, errorRatio, p95 (ns or NaN)}], the most frequent first. */
export function operationsOf(counts, slow, failures, seconds) {
  const byName = (list) => new Map(list.map((one) => [one.labels.name, one.value]));
  const [p95, failed] = [byName(slow), byName(failures)];
  return counts
    .map(({ labels: { name }, value }) => ({
      name,
      rate: value / seconds,
      errorRatio: (failed.get(name) || 0) / value,
      p95: (p95.get(name) ?? NaN) * SECOND,
    }))
    .sort((a, b) => b.rate - a.rate);
}

/** Points of all requests, and of the part of them that failed, from rates by status. */
export function ratesOf(calls, end) {
  const total = new Map();
  const bad = new Map();
  for (const { labels, points } of calls) {
    for (const [t, v] of points) {
      total.set(t, (total.get(t) || 0) + v);
      if (labels.status === 'error') bad.set(t, (bad.get(t) || 0) + v);
    }
  }
  // The last interval is not over: its rate would be too low.
  const all = [...total].filter(([t]) => t <= end).sort((a, b) => a[0] - b[0]);
  return { all, failed: all.filter(([, v]) => v > 0).map(([t, v]) => [t, (bad.get(t) || 0) / v]) };
}

/** Lines of quantiles in nanoseconds, the lowest first. */
export function quantileLines(quantiles, end) {
  return quantiles
    .map((one) => ({ ...one, p: Number(one.labels.p) }))
    .sort((a, b) => a.p - b.p)
    .map((one, i) => ({
      name: `p${Number((one.p * 100).toFixed(1))}`,
      colour: QUANTILE_COLOURS[i % QUANTILE_COLOURS.length],
      points: one.points.filter(([t, v]) => v > 0 && t <= end).map(([t, v]) => [t, v * SECOND]),
      exemplars: one.exemplars.map((e) => ({ ...e, value: e.value * SECOND })),
    }));
}
