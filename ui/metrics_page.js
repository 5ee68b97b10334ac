// PromQL: a query's value now as a table, its course as a graph with exemplars.

import { prometheus } from './api.js';
import { promqlCatalog } from './catalog.js';
import { lineColour } from './colour.js';
import { h, icon, onResize, put, table } from './dom.js';
import { editor } from './editor.js';
import { nothing } from './empty.js';
import { formatCount, formatNumber } from './format.js';
import { plot } from './plot.js';
import { getPrefs } from './prefs.js';
import { promqlCandidates, promqlContext } from './promql_complete.js';
import { addressOf } from './router.js';
import { formatSpan, formatTime, stepOf } from './time.js';

const MOST = 100; // Series that are drawn.
const MOST_ROWS = 2000;
const EXAMPLES = [
  [
    'Requests a second, by service',
    'sum by (service_name) (rate(traces_spanmetrics_calls_total[5m]))',
  ],
  [
    'Part of the requests that fail',
    'sum by (service_name) (rate(traces_spanmetrics_calls_total{status_code="STATUS_CODE_ERROR"}[5m])) / sum by (service_name) (rate(traces_spanmetrics_calls_total[5m]))',
  ],
  [
    '95th percentile of durations, in milliseconds',
    'histogram_quantile(0.95, sum by (le, service_name) (rate(traces_spanmetrics_latency_bucket[5m])))',
  ],
  ['Spans received a second', 'rate(tempo_distributor_spans_received_total[5m])'],
  [
    'Spans that fail, straight from the traces',
    'traceql("{ status = error } | rate() by (resource.service.name)")',
  ],
];

/** `name{label="value", ...}` as PromQL writes it. */
export function seriesName(labels) {
  const { __name__: name = '', ...rest } = labels;
  const pairs = Object.entries(rest).map(([key, value]) => `${key}=${JSON.stringify(value)}`);
  return pairs.length > 0 || name === '' ? `${name}{${pairs.join(', ')}}` : name;
}

/** A sample of the API as text: numbers, and native histograms by count and sum. */
export function sampleText(one) {
  if (one.value) return one.value[1];
  const [, { count, sum }] = one.histogram;
  return `count ${count}, sum ${sum}`;
}

export function mount(root, first) {
  let context = first;
  let asked = null;
  let drawn = null;
  let leave = () => {};
  const hidden = new Set();
  const query = editor({
    language: 'promql',
    label: 'PromQL expression',
    placeholder: 'sum by (service_name) (rate(traces_spanmetrics_calls_total[5m]))',
    context: promqlContext,
    candidates: (at) => promqlCandidates(at, promqlCatalog),
    onRun: (text) => context.setParams({ expr: text.trim() }),
  });
  const tabs = [
    ['graph', 'Graph'],
    ['table', 'Table'],
  ].map(([name, text]) =>
    h(
      'button',
      {
        role: 'tab',
        type: 'button',
        'data-tab': name,
        onclick: () => context.setParams({ tab: name === 'graph' ? '' : name }),
      },
      text,
    ),
  );
  const exemplars = h('input', {
    type: 'checkbox',
    onchange: () => context.setParams({ exemplars: exemplars.checked ? '' : 'off' }),
  });
  const note = h('span', { class: 'soft', role: 'status' });
  const warnings = h('div', { class: 'notice', hidden: true });
  const chart = h('div', { class: 'plot-body tall' });
  const legend = h('div', { class: 'series' });
  const values = h('div', { class: 'scroll' });
  const card = h(
    'section',
    { class: 'card', 'aria-label': 'Result' },
    h(
      'header',
      {},
      h('div', { class: 'tabs', role: 'tablist', 'aria-label': 'Form of the result' }, tabs),
      h('label', { class: 'check soft' }, exemplars, 'Exemplars'),
      h('div', { class: 'grow' }),
      note,
    ),
    chart,
    legend,
    values,
  );
  const empty = h(
    'section',
    { class: 'card', 'aria-label': 'Examples' },
    h('header', {}, h('h2', {}, 'To begin with')),
    h(
      'ul',
      { class: 'examples' },
      EXAMPLES.map(([text, expr]) =>
        h(
          'li',
          {},
          h('a', { href: addressOf('metrics', '', { expr }) }, text),
          h('code', {}, expr),
        ),
      ),
    ),
  );
  root.append(
    h(
      'div',
      { class: 'page' },
      h('h1', { class: 'sr-only' }, 'Metrics'),
      h(
        'div',
        { class: 'row top' },
        query.element,
        h(
          'button',
          {
            class: 'button primary tall',
            type: 'button',
            onclick: () => context.setParams({ expr: query.value().trim() }),
          },
          icon('search'),
          'Run',
        ),
      ),
      warnings,
      empty,
      card,
    ),
  );
  const endResize = onResize(chart, () => drawGraph());

  const graphShown = () => context.params.tab !== 'table';

  async function ask() {
    asked?.abort();
    asked = new AbortController();
    const { range } = context;
    const expr = context.params.expr;
    const step = stepOf(range.end - range.start);
    card.classList.add('loading');
    try {
      if (graphShown()) {
        const [answer, points] = await Promise.all([
          prometheus(
            'query_range',
            { query: expr, start: range.start / 1000, end: range.end / 1000, step },
            asked.signal,
          ),
          exemplars.checked ? askExemplars(expr, range, asked.signal) : [],
        ]);
        hidden.clear();
        drawn = {
          range,
          step,
          notes: answer.notes,
          exemplars: points,
          series: answer.result.map((one, i) => ({
            name: seriesName(one.metric),
            metric: one.metric,
            colour: lineColour(i),
            points: (one.values || []).map(([t, v]) => [t * 1000, Number(v)]),
            histograms: (one.histograms || []).length,
          })),
        };
      } else {
        const answer = await prometheus(
          'query',
          { query: expr, time: range.end / 1000 },
          asked.signal,
        );
        drawn = { range, notes: answer.notes, instant: answer };
      }
      query.fail('');
    } catch (error) {
      if (error.name === 'AbortError') return;
      drawn = null;
      query.fail(error.message);
    }
    card.classList.remove('loading');
    draw();
  }

  /** Exemplars are an addition: expressions that have none are no error. */
  async function askExemplars(expr, range, signal) {
    try {
      const found = await prometheus(
        'query_exemplars',
        { query: expr, start: range.start / 1000, end: range.end / 1000 },
        signal,
      );
      return [...found]
        .flatMap((one) =>
          (one.exemplars || []).map((e) => ({
            time: e.timestamp * 1000,
            value: Number(e.value),
            trace: e.labels.traceID || e.labels.trace_id || e.labels.traceId,
          })),
        )
        .filter((e) => e.trace);
    } catch (error) {
      if (error.name === 'AbortError') throw error;
      return [];
    }
  }

  function draw() {
    const has = (context.params.expr || '') !== '';
    empty.hidden = has;
    card.hidden = !has || drawn === null;
    warnings.hidden = !drawn || drawn.notes.length === 0;
    warnings.textContent = drawn?.notes.join('\n') || '';
    for (const tab of tabs)
      tab.setAttribute('aria-selected', String((tab.dataset.tab === 'graph') === graphShown()));
    exemplars.parentElement.hidden = !graphShown();
    if (card.hidden) return;
    chart.hidden = legend.hidden = !graphShown() || !drawn.series;
    values.hidden = !drawn.instant;
    if (drawn.instant) drawTable(drawn.instant);
    else drawGraph();
  }

  function drawGraph() {
    if (!drawn?.series || chart.hidden) return;
    const { series, range, step } = drawn;
    note.textContent =
      series.length === 0
        ? ''
        : `${formatCount(series.length)} series · step ${formatSpan(step * 1000)}${series.length > MOST ? ` · the first ${MOST} are drawn` : ''}`;
    leave();
    if (series.length === 0) {
      put(legend);
      put(chart, nothing('Nothing', 'The expression has no value in this range of time.'));
      return;
    }
    const shown = series.slice(0, MOST).filter((one) => !hidden.has(one.name));
    const points = placed(drawn.exemplars, shown);
    leave = plot(
      chart,
      [...shown, { name: '', colour: 'transparent', points: [], exemplars: points }],
      {
        range,
        step: step * 1000,
        utc: getPrefs().utc,
        height: 360,
        fill: shown.length === 1,
        label: context.params.expr,
        onZoom: (from, to) => context.setParams({ from, to }),
        onTrace: (id) => context.go('trace', id),
      },
    );
    drawLegend(series);
  }

  function drawLegend(series) {
    put(
      legend,
      series.slice(0, MOST).map((one) =>
        h(
          'div',
          { class: hidden.has(one.name) ? 'series-row off' : 'series-row' },
          h(
            'button',
            {
              type: 'button',
              class: 'series-name',
              'aria-pressed': String(!hidden.has(one.name)),
              title: 'Show or hide; with Ctrl only this',
              onclick: (event) => toggle(one.name, event.ctrlKey || event.metaKey),
            },
            h('span', { class: 'dot', style: { '--dot': one.colour } }),
            h('code', { class: 'cut' }, one.name),
          ),
          h(
            'span',
            { class: 'num' },
            one.points.length > 0
              ? formatNumber(one.points.at(-1)[1])
              : one.histograms > 0
                ? 'histograms: see the table'
                : '–',
          ),
        ),
      ),
    );
  }

  function toggle(name, alone) {
    if (alone) {
      const only = drawn.series.some((one) => one.name !== name && !hidden.has(one.name));
      hidden.clear();
      if (only) for (const one of drawn.series) if (one.name !== name) hidden.add(one.name);
    } else if (!hidden.delete(name)) hidden.add(name);
    drawGraph();
  }

  function drawTable(answer) {
    const { resultType, result } = answer;
    const rows =
      resultType === 'scalar' || resultType === 'string'
        ? [{ name: resultType, value: result[1] }]
        : resultType === 'matrix'
          ? result.map((one) => ({
              name: seriesName(one.metric),
              value: (one.values || []).map(([t, v]) => `${v} @${t}`).join('\n'),
            }))
          : result.map((one) => ({
              name: seriesName(one.metric),
              metric: one.metric,
              value: sampleText(one),
            }));
    note.textContent = `${formatCount(rows.length)} at ${formatTime(drawn.range.end, getPrefs().utc, 's')}`;
    if (rows.length === 0)
      put(values, nothing('Nothing', 'The expression has no value at this time.'));
    else {
      const row = (one) =>
        h(
          'tr',
          {},
          h('td', {}, h('code', {}, one.name)),
          h('td', { class: 'num mono values' }, one.value),
        );
      put(values, table(['Series', ['Value', 'num']], rows.slice(0, MOST_ROWS).map(row)));
    }
  }

  let last = '';
  let shownQuery = '';
  function update(next) {
    context = next;
    if (next.params.expr !== shownQuery) query.set(next.params.expr || ''); // What is being written stays.
    shownQuery = next.params.expr;
    exemplars.checked = next.params.exemplars !== 'off';
    next.setTitle(next.params.expr || 'Metrics');
    const key = JSON.stringify([
      next.params.expr,
      next.params.tab,
      next.params.exemplars,
      next.range.start,
      next.range.end,
    ]);
    if (key !== last && next.params.expr) ask();
    else draw();
    last = key;
  }

  update(first);
  return {
    update,
    destroy() {
      asked?.abort();
      endResize();
      leave();
    },
  };
}

/**
 * Exemplars at heights that the graph has: an exemplar's value is an observation, such as a duration,
 * and the graph may show something else, such as a rate. Those beyond it stand at its upper edge.
 */
export function placed(exemplars, series) {
  let high = -Infinity;
  for (const { points } of series)
    for (const [, value] of points) if (Number.isFinite(value)) high = Math.max(high, value);
  if (high === -Infinity) return [];
  return exemplars.slice(0, 300).map((e) => ({ ...e, value: Math.min(e.value, high) }));
}
