// The operations of a trace as a table, the most own time first.

import { serviceName } from './colour.js';
import { h, put, table } from './dom.js';
import { formatCount, formatDuration, formatPercent } from './format.js';
import { operationsOf } from './trace_sums.js';

const MOST = 1000;

/** opts: onOpen(index of the first span of the operation). */
export function traceTable(el, model, { onOpen }) {
  const all = operationsOf(model.spans);
  const whole = all.reduce((sum, one) => sum + one.self, 0) || 1;
  const number = (content) => h('td', { class: 'num' }, content);
  const row = (one) =>
    h(
      'tr',
      { class: 'link', onclick: () => onOpen(one.first) },
      h('td', {}, h('button', { class: 'as-link', type: 'button' }, one.name || 'without a name')),
      h('td', {}, serviceName(one.service)),
      number(formatCount(one.spans)),
      number(one.errors > 0 ? h('span', { class: 'badge bad' }, formatCount(one.errors)) : '0'),
      number(formatDuration(one.self)),
      number(formatPercent(one.self / whole)),
      number(formatDuration(one.total)),
      number(formatDuration(one.longest)),
    );
  const heads = ['Spans', 'Errors', 'Own time', 'Share', 'Total', 'Longest'];
  put(
    el,
    table(
      ['Operation', 'Service', ...heads.map((name) => [name, 'num'])],
      all.slice(0, MOST).map(row),
    ),
    all.length > MOST &&
      h('p', { class: 'soft pad' }, `${formatCount(all.length - MOST)} more are not shown.`),
  );
}
