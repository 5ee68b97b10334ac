// The operations of a service, and its newest failures.

import { h, table } from './dom.js';
import { formatDuration, formatNumber, formatPercent, formatRate } from './format.js';
import { getPrefs } from './prefs.js';
import { addressOf } from './router.js';
import { formatTime } from './time.js';

const MOST = 100;

/** `href(name)` leads to the traces of an operation. */
export function operationsTable(operations, href) {
  if (operations.length === 0) {
    return h('p', { class: 'soft pad' }, 'No request in this range of time.');
  }
  const row = (one) =>
    h(
      'tr',
      {},
      h('td', {}, h('a', { href: href(one.name) }, one.name || 'without a name')),
      h('td', { class: 'num' }, formatRate(one.rate)),
      h('td', { class: 'num' }, formatPercent(one.errorRatio)),
      h('td', { class: 'num' }, formatDuration(one.p95)),
    );
  const heads = ['Operation', ['Rate', 'num'], ['Errors', 'num'], ['p95', 'num']];
  return table(heads, operations.slice(0, MOST).map(row));
}

/** `traces` as foundTrace makes them. */
export function failuresTable(traces) {
  if (traces.length === 0) return h('p', { class: 'soft pad' }, 'None in this range of time.');
  const title = (one) => `${one.service} ${one.name}`.trim() || one.id;
  const row = (one) =>
    h(
      'tr',
      {},
      h('td', { class: 'soft nowrap' }, formatTime(one.start, getPrefs().utc, 's')),
      h('td', {}, h('a', { href: addressOf('trace', one.id) }, title(one))),
      h('td', { class: 'num' }, `${formatNumber(one.spans)} spans`),
      h('td', { class: 'num' }, formatDuration(one.duration)),
    );
  return h('table', { class: 'table' }, h('tbody', {}, traces.map(row)));
}
