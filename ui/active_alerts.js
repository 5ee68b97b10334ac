// The alerts that are active, with the traces that show them.

import { badge, keyOf, labelList } from './alert_labels.js';
import { h, table } from './dom.js';
import { formatNumber } from './format.js';
import { getPrefs } from './prefs.js';
import { addressOf } from './router.js';
import { formatAgo, formatTime } from './time.js';

const MOST = 500; // Alerts that are shown.

/** The ids in an alert's annotation `traces`. */
export const tracesOf = (annotations) =>
  (annotations?.traces || '')
    .split(',')
    .map((id) => id.trim())
    .filter((id) => /^[0-9a-f]{16,32}$/.test(id));

/**
 * The alerts of the groups of /api/v1/rules, firing ones first, then the newest; `routed` is what the
 * router has of them, by keyOf.
 */
export function activeAlerts(groups, routed) {
  const order = { firing: 0, pending: 1 };
  const rules = groups.flatMap((group) => group.rules.filter((rule) => rule.type === 'alerting'));
  return rules
    .flatMap((rule) =>
      rule.alerts.map((alert) => ({ ...alert, rule, routed: routed.get(keyOf(alert.labels)) })),
    )
    .sort((a, b) => order[a.state] - order[b.state] || (a.activeAt < b.activeAt ? 1 : -1));
}

/** `onSilence(matchers)` is called with the labels of an alert. */
export function activeTable(alerts, onSilence) {
  const heads = ['State', 'Alert', 'Since', ['Value', 'num'], 'Traces', ''];
  return h(
    'section',
    { class: 'card scroll', 'aria-label': 'Active alerts' },
    table(
      heads,
      alerts.slice(0, MOST).map((one) => alertRow(one, onSilence)),
      'alerts',
    ),
    alerts.length > MOST &&
      h('p', { class: 'soft pad' }, `${alerts.length - MOST} more: filter to see them.`),
  );
}

function alertRow(one, onSilence) {
  const { labels, annotations, rule } = one;
  const traces = tracesOf(one.routed?.annotations || annotations);
  const quiet = one.routed?.status.state === 'suppressed';
  return h(
    'tr',
    { class: 'alert-row' },
    h('td', {}, badge(one.state), quiet && h('div', {}, badge('silenced', ''))),
    h(
      'td',
      {},
      h(
        'div',
        { class: 'row wrap' },
        h('b', {}, labels.alertname),
        labelList(labels, ['alertname']),
      ),
      (annotations.summary || annotations.message) &&
        h('div', {}, annotations.summary || annotations.message),
      annotations.description && h('div', { class: 'soft' }, annotations.description),
      h(
        'div',
        { class: 'row small' },
        h('a', { href: addressOf('metrics', '', { expr: rule.query }) }, 'Expression'),
        /^https?:\/\//.test(annotations.runbook_url || '') &&
          h(
            'a',
            { href: annotations.runbook_url, target: '_blank', rel: 'noopener noreferrer' },
            'Runbook',
          ),
      ),
    ),
    h(
      'td',
      { class: 'nowrap', title: formatTime(Date.parse(one.activeAt), getPrefs().utc) },
      formatAgo(Date.parse(one.activeAt), Date.now()),
    ),
    h('td', { class: 'num' }, formatNumber(Number(one.value))),
    h(
      'td',
      {},
      traces.length > 0
        ? h(
            'div',
            { class: 'stack-small' },
            traces
              .slice(0, 4)
              .map((id) => h('a', { class: 'mono', href: addressOf('trace', id) }, id.slice(0, 8))),
          )
        : h('span', { class: 'faint' }, '–'),
    ),
    h(
      'td',
      { class: 'num' },
      h(
        'button',
        {
          class: 'button small',
          type: 'button',
          onclick: () =>
            onSilence(Object.entries(labels).map(([name, value]) => ({ name, value }))),
        },
        'Silence',
      ),
    ),
  );
}
