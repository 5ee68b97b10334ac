// One service: rate, errors and durations over time, what is different about some of its requests,
// its operations, its newest failures.

import { serviceDot } from './colour.js';
import { formatPick, parsePick } from './differences.js';
import { h, onResize, put } from './dom.js';
import { nothing } from './empty.js';
import { formatDuration, formatPercent, formatRate } from './format.js';
import { heatmap } from './heatmap.js';
import { plot } from './plot.js';
import { getPrefs } from './prefs.js';
import { addressOf } from './router.js';
import { askService, narrowed, quantileLines, ratesOf, spansOf } from './service_data.js';
import { selectionCard } from './service_selection.js';
import { failuresTable, operationsTable } from './service_tables.js';

function panel(title, note) {
  const body = h('div', { class: 'panel-body' });
  const head = h('header', {}, h('h2', {}, title), h('span', { class: 'soft' }, note));
  return { body, card: h('section', { class: 'card', 'aria-label': title }, head, body) };
}

export function mount(root, context) {
  const service = context.argument;
  if (service === '') {
    const all = h('a', { href: addressOf('services') }, 'All services');
    root.append(h('div', { class: 'page' }, nothing('Which service?', all)));
    return { update() {} };
  }
  return servicePage(root, context, service);
}

function servicePage(root, first, service) {
  let context = first;
  let asked = null;
  let data = null;
  let leave = [];
  const failure = h('div', { class: 'notice bad', role: 'alert', hidden: true });
  const rate = panel('Rate', 'requests a second');
  const errors = panel('Errors', 'part of the requests');
  const durations = panel('Duration', 'p50, p95, p99; diamonds are traces');
  const hint = 'choose a cell or draw a box: what is different there';
  const heat = panel('Distribution of durations', hint);
  const pickTo = (pick) => context.setParams({ pick }, { replace: true });
  const selection = selectionCard(() => pickTo(''));
  const operations = h('section', { class: 'card scroll', 'aria-label': 'Operations' });
  const failures = h('section', { class: 'card scroll', 'aria-label': 'Newest failures' });
  const links = h('div', { class: 'row' });
  const panels = h('div', { class: 'panels' }, rate.card, errors.card, durations.card);
  const dot = serviceDot(service);
  root.append(
    h(
      'div',
      { class: 'page' },
      h(
        'div',
        { class: 'row wrap' },
        h('h1', { class: 'row' }, dot, service),
        h('div', { class: 'grow' }),
        links,
      ),
      failure,
      panels,
      heat.card,
      selection.element,
      h('div', { class: 'halves' }, operations, failures),
    ),
  );
  context.setTitle(service);
  const endResize = onResize(panels, () => drawPlots());

  const times = () => ({ from: context.params.from, to: context.params.to });
  const search = (q) => addressOf('search', '', { ...times(), q });

  async function ask() {
    asked?.abort();
    asked = new AbortController();
    panels.classList.add('loading');
    try {
      data = await askService(service, context.range, asked.signal);
      failure.hidden = true;
      draw();
    } catch (error) {
      if (error.name === 'AbortError') return;
      failure.textContent = error.message;
      failure.hidden = false;
    }
    panels.classList.remove('loading');
  }

  function drawPlots() {
    if (!data) return;
    leave.forEach((one) => one());
    const { range, step, calls, quantiles, buckets } = data;
    const { utc } = getPrefs();
    const lines = (el, series, format, label, fill) =>
      plot(el, series, {
        range,
        step: step * 1000,
        utc,
        height: 190,
        fill,
        format,
        label,
        onZoom: (from, to) => context.setParams({ from, to }),
        onTrace: (id) => context.go('trace', id),
      });
    const { all, failed } = ratesOf(calls, range.end);
    const requests = { name: 'requests', colour: 'var(--s0)', points: all };
    const bad = { name: 'errors', colour: 'var(--bad)', points: failed };
    const pick = parsePick(context.params.pick);
    leave = [
      lines(rate.body, [requests], formatRate, 'Rate', true),
      lines(errors.body, [bad], formatPercent, 'Errors', true),
      lines(durations.body, quantileLines(quantiles, range.end), formatDuration, 'Duration', false),
      heatmap(heat.body, buckets, {
        range,
        utc,
        picked: pick?.failed ? null : pick,
        onPick: (box) => pickTo(formatPick(box)),
      }),
    ];
  }

  function draw() {
    const all = spansOf(service);
    const different = 'What is different about failures?';
    put(
      links,
      h('a', { class: 'button', href: search(all) }, 'Traces'),
      h('a', { class: 'button', href: search(narrowed(all, 'status = error')) }, 'Failures'),
      h('button', { class: 'button', type: 'button', onclick: () => pickTo('errors') }, different),
    );
    drawPlots();
    showSelection();
    const ofName = (name) => search(narrowed(all, `name = ${JSON.stringify(name)}`));
    put(
      operations,
      h('header', {}, h('h2', {}, 'Operations')),
      operationsTable(data.operations, ofName),
    );
    put(failures, h('header', {}, h('h2', {}, 'Newest failures')), failuresTable(data.failures));
  }

  function showSelection() {
    if (data) selection.show(parsePick(context.params.pick), data, times());
  }

  let last = '';
  let pick = context.params.pick;
  function update(next) {
    context = next;
    const key = JSON.stringify([next.range.from, next.range.to, next.range.end]);
    if (key !== last) ask();
    else if (next.params.pick !== pick) {
      drawPlots();
      showSelection();
    } else if (data) draw();
    last = key;
    pick = next.params.pick;
  }

  update(context);
  return {
    update,
    destroy() {
      asked?.abort();
      selection.destroy();
      endResize();
      leave.forEach((one) => one());
    },
  };
}
