// The operations of a trace as a table, the most own time first.

import { colourOf } from './colour.js';
import { h, put } from './dom.js';
import { formatCount, formatDuration, formatPercent } from './format.js';
import { operationsOf } from './trace_sums.js';

const MOST = 1000;

/** opts: onOpen(index of the first span of the operation). */
export function traceTable(el, model, { onOpen }) {
  const all = operationsOf(model.spans);
  const whole = all.reduce((sum, one) => sum + one.self, 0) || 1;
  const columns = ['Operation', 'Service', 'Spans', 'Errors', 'Own time', 'Share', 'Total', 'Longest'];
  put(el, h('table', { class: 'table' },
    h('thead', {}, h('tr', {}, columns.map((name, i) => h('th', { scope: 'col', class: i > 1 ? 'num' : '' }, name)))),
    h('tbody', {}, all.slice(0, MOST).map((one) => h('tr', { class: 'link', onclick: () => onOpen(one.first) },
      h('td', {}, h('button', { class: 'as-link', type: 'button' }, one.name || 'without a name')),
      h('td', {}, h('span', { class: 'row' }, h('span', { class: 'dot', style: { '--dot': colourOf(one.service) } }), one.service)),
      h('td', { class: 'num' }, formatCount(one.spans)),
      h('td', { class: 'num' }, one.errors > 0 ? h('span', { class: 'badge bad' }, formatCount(one.errors)) : '0'),
      h('td', { class: 'num' }, formatDuration(one.self)),
      h('td', { class: 'num' }, formatPercent(one.self / whole)),
      h('td', { class: 'num' }, formatDuration(one.total)),
      h('td', { class: 'num' }, formatDuration(one.longest)))))),
  all.length > MOST && h('p', { class: 'soft pad' }, `${formatCount(all.length - MOST)} more operations are not shown.`));
}
