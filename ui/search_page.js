// Traces that a query finds: the query, what it found as points and as a table.

import { getJson, secondsOf } from './api.js';
import { traceqlCatalog } from './catalog.js';
import { chips } from './chips.js';
import { serviceDot } from './colour.js';
import { h, icon, onResize, put } from './dom.js';
import { editor } from './editor.js';
import { howToSend, nothing } from './empty.js';
import { foundTrace } from './found_trace.js';
import { formatCount, formatDuration } from './format.js';
import { rowKeys } from './keys.js';
import { getPrefs } from './prefs.js';
import { addressOf } from './router.js';
import { scatter } from './scatter.js';
import { formatTime } from './time.js';
import { traceqlCandidates, traceqlContext } from './traceql_complete.js';

const LIMITS = ['100', '20', '500'];
const TRACE_ID = /^[0-9a-fA-F]{16,32}$/;

const ORDERS = {
  start: (a, b) => b.start - a.start,
  duration: (a, b) => b.duration - a.duration,
  spans: (a, b) => b.spans - a.spans,
  matched: (a, b) => b.matched - a.matched,
};

export function mount(root, first) {
  let context = first;
  let asked = null;
  let traces = [];
  let key = '';
  const query = editor({
    language: 'traceql',
    label: 'TraceQL query, or the id of a trace',
    placeholder: '{ resource.service.name = "…" && status = error }',
    context: traceqlContext,
    candidates: (at) => traceqlCandidates(at, traceqlCatalog),
    onRun: run,
  });
  const builder = chips((text) => {
    query.set(text);
    run(text);
  });
  const limit = h(
    'select',
    {
      class: 'select',
      'aria-label': 'At most',
      onchange: () => context.setParams({ limit: limit.value === LIMITS[0] ? '' : limit.value }),
    },
    LIMITS.map((value) => h('option', { value }, `${value} traces`)),
  );
  const plotBody = h('div', { class: 'plot-body' });
  const plot = h(
    'section',
    { class: 'card', 'aria-label': 'Traces by start and duration', hidden: true },
    plotBody,
  );
  const note = h('span', { class: 'soft', role: 'status' });
  const results = h('section', { 'aria-label': 'Traces' });
  root.append(
    h(
      'div',
      { class: 'page' },
      h('h1', { class: 'sr-only' }, 'Traces'),
      h(
        'div',
        { class: 'row top' },
        query.element,
        h(
          'button',
          { class: 'button primary tall', type: 'button', onclick: () => run(query.value()) },
          icon('search'),
          'Search',
        ),
      ),
      h('div', { class: 'row wrap' }, builder.element, h('div', { class: 'grow' }), note, limit),
      plot,
      results,
    ),
  );
  const endResize = onResize(plotBody, () => drawPlot());

  function run(text) {
    const q = text.trim();
    if (TRACE_ID.test(q)) context.go('trace', q.toLowerCase());
    else context.setParams({ q: q === '{}' ? '' : q });
  }

  async function ask() {
    asked?.abort();
    asked = new AbortController();
    const { range } = context;
    const q = context.params.q || '{}';
    results.classList.add('loading');
    try {
      const answer = await getJson(
        'api/search',
        {
          q,
          limit: limit.value,
          spss: 1,
          ...secondsOf(range),
        },
        asked.signal,
      );
      query.fail('');
      traces = (answer.traces || []).map(foundTrace);
      drawPlot();
      draw();
    } catch (error) {
      if (error.name === 'AbortError') return;
      traces = [];
      plot.hidden = true;
      note.textContent = '';
      put(results);
      query.fail(error.message);
    }
    results.classList.remove('loading');
  }

  function drawPlot() {
    plot.hidden = traces.length < 2;
    if (plot.hidden) return;
    scatter(
      plotBody,
      traces.map((one) => ({
        id: one.id,
        start: one.start,
        duration: one.duration,
        failed: one.errors > 0,
        title: `${one.service}: ${one.name}`,
      })),
      { range: shownRange(), utc: getPrefs().utc, onOpen: (id) => context.go('trace', id) },
    );
  }

  /** Of a list that ends before the range does, only the part that it covers. */
  function shownRange() {
    const { start, end } = context.range;
    if (traces.length < Number(limit.value)) return { start, end };
    const oldest = Math.min(...traces.map((one) => one.start));
    const newest = Math.max(...traces.map((one) => one.start));
    const margin = Math.max((newest - oldest) * 0.02, 50);
    return { start: oldest - margin, end: newest + margin };
  }

  function header(name, text, number) {
    const current = (context.params.sort || 'start') === name;
    return h(
      'th',
      { class: number ? 'num' : '', 'aria-sort': current ? 'descending' : undefined, scope: 'col' },
      h(
        'button',
        {
          type: 'button',
          onclick: () =>
            context.setParams({ sort: name === 'start' ? '' : name }, { replace: true }),
        },
        text,
        current ? ' ↓' : '',
      ),
    );
  }

  function draw() {
    const reached = traces.length >= Number(limit.value);
    note.textContent =
      traces.length === 0
        ? ''
        : `${reached ? 'the newest ' : ''}${traces.length} trace${traces.length === 1 ? '' : 's'}${reached ? ', there may be more' : ''}`;
    if (traces.length === 0) {
      put(
        results,
        context.params.q
          ? nothing('No trace fits', 'Widen the range of time, or take a condition away.')
          : howToSend(context.range),
      );
      return;
    }
    const current = results.querySelector('tr.current')?.dataset.trace;
    const longest = Math.max(...traces.map((one) => one.duration), 1);
    const sorted = [...traces].sort(ORDERS[context.params.sort] || ORDERS.start);
    put(
      results,
      h(
        'div',
        { class: 'card scroll' },
        h(
          'table',
          { class: 'table traces' },
          h(
            'thead',
            {},
            h(
              'tr',
              {},
              header('start', 'Start'),
              h('th', { scope: 'col' }, 'Trace'),
              h('th', { scope: 'col' }, 'Services'),
              header('spans', 'Spans', true),
              header('matched', 'Matched', true),
              header('duration', 'Duration'),
            ),
          ),
          h(
            'tbody',
            {},
            sorted.map((one) => row(one, longest, current)),
          ),
        ),
      ),
    );
  }

  function row(one, longest, current) {
    const href = addressOf('trace', one.id);
    return h(
      'tr',
      {
        class: one.id === current ? 'link current' : 'link',
        'data-trace': one.id,
        onclick: (event) => {
          if (!event.target.closest('a')) context.go('trace', one.id);
        },
      },
      h('td', { class: 'soft nowrap' }, formatTime(one.start, getPrefs().utc)),
      h(
        'td',
        { class: 'wide' },
        h(
          'a',
          { class: 'root', href },
          serviceDot(one.service),
          h(
            'span',
            { class: 'cut' },
            h('span', { class: 'soft' }, one.service || 'root not received yet'),
            ' ',
            h('b', {}, one.name || one.id.slice(0, 8)),
          ),
        ),
        one.errors > 0 &&
          h('span', { class: 'badge bad' }, `${one.errors} error${one.errors === 1 ? '' : 's'}`),
      ),
      h('td', {}, serviceDots(one.services)),
      h('td', { class: 'num' }, formatCount(one.spans)),
      h('td', { class: 'num' }, formatCount(one.matched)),
      h(
        'td',
        {},
        h(
          'div',
          { class: 'duration' },
          h(
            'span',
            { class: one.errors > 0 ? 'meter bad' : 'meter' },
            h('i', { style: { width: `${Math.max(1, (100 * one.duration) / longest)}%` } }),
          ),
          h('span', { class: 'num' }, formatDuration(one.duration)),
        ),
      ),
    );
  }

  function serviceDots(services) {
    const names = services.map((one) => one.name).sort();
    return h(
      'span',
      { class: 'dots', title: names.join(', ') },
      names.slice(0, 8).map((name) => serviceDot(name)),
      h('span', { class: 'soft' }, names.length),
    );
  }

  let last = '';
  let shownQuery = '';
  function update(next) {
    context = next;
    if (next.params.q !== shownQuery) query.set(next.params.q || ''); // What is being written stays.
    shownQuery = next.params.q;
    builder.set(next.params.q || '');
    limit.value = LIMITS.includes(next.params.limit) ? next.params.limit : LIMITS[0];
    next.setTitle(next.params.q || 'Traces');
    key = JSON.stringify([
      next.params.q,
      next.range.from,
      next.range.to,
      limit.value,
      next.range.end,
    ]);
    if (key !== last) ask();
    else {
      draw();
      drawPlot();
    }
    last = key;
  }

  update(first);
  return {
    update,
    destroy() {
      asked?.abort();
      endResize();
    },
    keys: rowKeys(
      () => [...results.querySelectorAll('tr.link')],
      (tr) => context.go('trace', tr.dataset.trace),
    ),
  };
}
