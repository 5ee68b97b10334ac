// One service: rate, errors and durations over time, its operations, its newest failures.

import { getJson, traceqlInstant, traceqlMetrics } from './api.js';
import { colourOf } from './colour.js';
import { h, onResize, put } from './dom.js';
import { nothing } from './empty.js';
import { compareQuery, conditionOf, differencesOf, formatPick, parsePick } from './differences.js';
import { differencesView } from './differences_view.js';
import { formatDuration, formatNumber, formatPercent, formatRate } from './format.js';
import { heatmap } from './heatmap.js';
import { plot } from './plot.js';
import { getPrefs } from './prefs.js';
import { addressOf } from './router.js';
import { foundTrace } from './search_page.js';
import { formatTime, stepOf } from './time.js';

const SECOND = 1e9;

/** A value of compare() as a query writes it: intrinsics and numbers have no quotes. */
export function valueIn(name, value) {
  return /^(status|kind)$/.test(name) || /^-?\d+(\.\d+)?$/.test(value) || value === 'true' || value === 'false' ? value : JSON.stringify(value);
}

/** The spans that are requests to the service; all of it, where it answers none. */
export const ENTRIES = '(kind = server || kind = consumer)';

export function mount(root, context) {
  const service = context.argument;
  const literal = JSON.stringify(service);
  let asked = null;
  let data = null;
  let leave = [];
  const failure = h('div', { class: 'notice bad', role: 'alert', hidden: true });
  const panel = (title, note) => {
    const body = h('div', { class: 'panel-body' });
    const card = h('section', { class: 'card', 'aria-label': title }, h('header', {}, h('h2', {}, title), h('span', { class: 'soft' }, note)), body);
    return { body, card };
  };
  const rate = panel('Rate', 'requests a second');
  const errors = panel('Errors', 'part of the requests');
  const durations = panel('Duration', 'p50, p95, p99; diamonds are traces');
  const heat = panel('Distribution of durations', 'choose a cell or draw a box: what is different there');
  const different = panel('What is different', '');
  different.card.hidden = true;
  const operations = h('section', { class: 'card scroll', 'aria-label': 'Operations' });
  const failures = h('section', { class: 'card scroll', 'aria-label': 'Newest failures' });
  const links = h('div', { class: 'row' });
  const panels = h('div', { class: 'panels' }, rate.card, errors.card, durations.card);
  root.append(h('div', { class: 'page' },
    h('div', { class: 'row wrap' }, h('h1', { class: 'row' }, h('span', { class: 'dot', style: { '--dot': colourOf(service) } }), service), h('div', { class: 'grow' }), links),
    failure, panels, heat.card, different.card, h('div', { class: 'halves' }, operations, failures)));
  context.setTitle(service);
  const endResize = onResize(panels, () => drawPlots());

  async function ask() {
    asked?.abort();
    asked = new AbortController();
    const { signal } = asked;
    const { range } = context;
    const step = stepOf(range.end - range.start, 120);
    panels.classList.add('loading');
    try {
      let entries = `{ resource.service.name = ${literal} && ${ENTRIES} }`;
      let calls = await traceqlMetrics(`${entries} | rate() by (status)`, range, step, signal);
      if (calls.length === 0) {
        entries = `{ resource.service.name = ${literal} }`;
        calls = await traceqlMetrics(`${entries} | rate() by (status)`, range, step, signal);
      }
      const [quantiles, buckets, counts, slow, failed, traces] = await Promise.all([
        traceqlMetrics(`${entries} | quantile_over_time(duration, .5, .95, .99)`, range, step, signal, 24),
        traceqlMetrics(`${entries} | histogram_over_time(duration)`, range, stepOf(range.end - range.start, 60), signal),
        traceqlInstant(`${entries} | count_over_time() by (name)`, range, signal),
        traceqlInstant(`${entries} | quantile_over_time(duration, .95) by (name)`, range, signal),
        traceqlInstant(`${entries.replace(/ \}$/, ' && status = error }')} | count_over_time() by (name)`, range, signal),
        getJson('api/search', { q: `{ resource.service.name = ${literal} && status = error }`, limit: 8, spss: 1, start: Math.floor(range.start / 1000), end: Math.ceil(range.end / 1000) }, signal),
      ]);
      data = { range, step, entries, calls, quantiles, buckets, counts, slow, failed, traces: (traces.traces || []).map(foundTrace) };
      failure.hidden = true;
      draw();
    } catch (error) {
      if (error.name === 'AbortError') return;
      failure.textContent = error.message;
      failure.hidden = false;
    }
    panels.classList.remove('loading');
  }

  /** The address of traces of a selection, with a value of an attribute if one is given. */
  function tracesOf(pick, more = '') {
    const range = pick.failed ? times() : { from: Math.round(pick.start), to: Math.round(pick.end) };
    return addressOf('search', '', { ...range, q: data.entries.replace(/ \}$/, ` && ${conditionOf(pick)}${more} }`) });
  }

  let compared = null;
  async function compare() {
    const pick = parsePick(context.params.pick);
    compared?.abort();
    different.card.hidden = pick === null || data === null;
    if (different.card.hidden) return;
    compared = new AbortController();
    const head = different.card.querySelector('header');
    put(head, h('h2', {}, 'What is different'), h('span', { class: 'soft' }, pick.failed ? 'about requests that failed'
      : `about ${formatDuration(pick.low)} to ${formatDuration(pick.high)}, ${formatTime(pick.start, getPrefs().utc, 'm')} to ${formatTime(pick.end, getPrefs().utc, 'm').slice(11)}`),
    h('span', { class: 'key in' }, 'selection'), h('span', { class: 'key out' }, 'the others'), h('div', { class: 'grow' }),
    h('a', { class: 'button small', href: tracesOf(pick) }, 'Traces of the selection'),
    h('button', { class: 'button small', type: 'button', onclick: () => context.setParams({ pick: '' }, { replace: true }) }, 'Clear'));
    different.body.classList.add('loading');
    try {
      const { range, entries } = data;
      const series = await traceqlMetrics(compareQuery(entries, pick), range, Math.ceil((range.end - range.start) / 1000), compared.signal);
      differencesView(different.body, differencesOf(series), { skip: ['resource.service.name', ...(pick.failed ? ['status', 'statusMessage'] : [])],
        href: (name, value) => tracesOf(pick, ` && ${name} = ${valueIn(name, value)}`) });
    } catch (error) {
      if (error.name === 'AbortError') return;
      put(different.body, h('div', { class: 'notice bad' }, error.message));
    }
    different.body.classList.remove('loading');
  }

  const times = () => ({ from: context.params.from, to: context.params.to });

  function drawPlots() {
    if (!data) return;
    leave.forEach((one) => one());
    const { range, step, calls, quantiles, buckets } = data;
    const common = { range, step: step * 1000, utc: getPrefs().utc, height: 190, fill: true,
      onZoom: (from, to) => context.setParams({ from, to }), onTrace: (id) => context.go('trace', id) };
    const total = new Map();
    const bad = new Map();
    for (const one of calls) {
      for (const [t, v] of one.points) {
        total.set(t, (total.get(t) || 0) + v);
        if (one.labels.status === 'error') bad.set(t, (bad.get(t) || 0) + v);
      }
    }
    // The last interval is not over: its rate would be too low.
    const all = [...total].filter(([t]) => t <= range.end).sort((a, b) => a[0] - b[0]);
    const ratio = all.filter(([, v]) => v > 0).map(([t, v]) => [t, (bad.get(t) || 0) / v]);
    const named = quantiles.map((one) => ({ ...one, p: Number(one.labels.p) })).sort((a, b) => a.p - b.p).map((one, i) => ({
      name: `p${Number((one.p * 100).toFixed(1))}`, colour: ['var(--s2)', 'var(--s0)', 'var(--s7)'][i % 3], points: one.points.filter((p) => p[1] > 0 && p[0] <= range.end).map(([t, v]) => [t, v * SECOND]),
      exemplars: one.exemplars.map((e) => ({ ...e, value: e.value * SECOND })),
    }));
    leave = [
      plot(rate.body, [{ name: 'requests', colour: 'var(--s0)', points: all }], { ...common, format: formatRate, label: 'Rate' }),
      plot(errors.body, [{ name: 'errors', colour: 'var(--bad)', points: ratio }], { ...common, format: formatPercent, label: 'Errors' }),
      plot(durations.body, named, { ...common, fill: false, format: formatDuration, label: 'Duration' }),
      heatmap(heat.body, buckets, { range, utc: getPrefs().utc, picked: parsePick(context.params.pick)?.failed === false ? parsePick(context.params.pick) : null,
        onPick: (box) => context.setParams({ pick: formatPick(box) }, { replace: true }) }),
    ];
  }

  function draw() {
    put(links,
      h('a', { class: 'button', href: addressOf('search', '', { ...times(), q: `{ resource.service.name = ${literal} }` }) }, 'Traces'),
      h('a', { class: 'button', href: addressOf('search', '', { ...times(), q: `{ resource.service.name = ${literal} && status = error }` }) }, 'Failures'),
      h('button', { class: 'button', type: 'button', onclick: () => context.setParams({ pick: 'errors' }, { replace: true }) }, 'What is different about failures?'));
    drawPlots();
    compare();
    drawOperations();
    drawFailures();
  }

  function drawOperations() {
    const seconds = (data.range.end - data.range.start) / 1000;
    const valueBy = (list) => new Map(list.map((one) => [one.labels.name, one.value]));
    const [slow, failed] = [valueBy(data.slow), valueBy(data.failed)];
    const rows = [...data.counts].sort((a, b) => b.value - a.value);
    put(operations, h('header', {}, h('h2', {}, 'Operations')),
      rows.length === 0 ? h('p', { class: 'soft pad' }, 'No request in this range of time.') : h('table', { class: 'table' },
        h('thead', {}, h('tr', {}, ['Operation', 'Rate', 'Errors', 'p95'].map((name, i) => h('th', { scope: 'col', class: i > 0 ? 'num' : '' }, name)))),
        h('tbody', {}, rows.slice(0, 100).map((one) => h('tr', {},
          h('td', {}, h('a', { href: addressOf('search', '', { ...times(), q: `{ resource.service.name = ${literal} && name = ${JSON.stringify(one.labels.name)} }` }) }, one.labels.name || 'without a name')),
          h('td', { class: 'num' }, formatRate(one.value / seconds)),
          h('td', { class: 'num' }, formatPercent((failed.get(one.labels.name) || 0) / one.value)),
          h('td', { class: 'num' }, formatDuration((slow.get(one.labels.name) ?? NaN) * SECOND)))))));
  }

  function drawFailures() {
    put(failures, h('header', {}, h('h2', {}, 'Newest failures')),
      data.traces.length === 0 ? h('p', { class: 'soft pad' }, 'None in this range of time.') : h('table', { class: 'table' },
        h('tbody', {}, data.traces.map((one) => h('tr', {},
          h('td', { class: 'soft nowrap' }, formatTime(one.start, getPrefs().utc, 's')),
          h('td', {}, h('a', { href: addressOf('trace', one.id) }, `${one.service} ${one.name}`.trim() || one.id)),
          h('td', { class: 'num' }, `${formatNumber(one.spans)} spans`),
          h('td', { class: 'num' }, formatDuration(one.duration)))))));
  }

  let last = '';
  let pick = context.params.pick;
  function update(next) {
    context = next;
    if (service === '') put(root, h('div', { class: 'page' }, nothing('Which service?', h('a', { href: addressOf('services') }, 'All services'))));
    const key = JSON.stringify([next.range.from, next.range.to, next.range.end]);
    if (key !== last && service !== '') ask();
    else if (next.params.pick !== pick) {
      drawPlots();
      compare();
    }
    last = key;
    pick = next.params.pick;
  }

  update(context);
  return {
    update,
    destroy() {
      asked?.abort();
      compared?.abort();
      endResize();
      leave.forEach((one) => one());
    },
  };
}
