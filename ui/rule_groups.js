// The rules by group: state, expression, last evaluation, error.

import { badge, labelList } from './alert_labels.js';
import { h } from './dom.js';
import { formatDuration } from './format.js';
import { addressOf } from './router.js';
import { formatAgo } from './time.js';

const looked = (one) =>
  Date.parse(one.lastEvaluation) > 0
    ? `evaluated ${formatAgo(Date.parse(one.lastEvaluation), Date.now())} in ${formatDuration(one.evaluationTime * 1e9)}`
    : 'not evaluated yet';

function ruleRow(rule) {
  const alerting = rule.type === 'alerting';
  return h(
    'tr',
    {},
    h(
      'td',
      { class: 'state-cell' },
      badge(alerting ? rule.state : 'record', alerting ? undefined : ''),
    ),
    h(
      'td',
      { class: 'rule-cell' },
      h(
        'div',
        { class: 'row wrap' },
        h('b', {}, rule.name),
        alerting &&
          rule.duration > 0 &&
          h('span', { class: 'soft' }, `for ${formatDuration(rule.duration * 1e9)}`),
        labelList(rule.labels),
      ),
      h(
        'a',
        {
          class: 'expr',
          href: addressOf('metrics', '', { expr: rule.query }),
          title: 'Look at it as a metric',
        },
        h('code', {}, rule.query),
      ),
      rule.lastError && h('div', { class: 'notice bad' }, rule.lastError),
    ),
    h('td', {}, badge(rule.health)),
    h('td', { class: 'soft nowrap num' }, looked(rule)),
  );
}

/** `groups` as /api/v1/rules has them. */
export function ruleGroups(groups) {
  return groups.map((group) =>
    h(
      'section',
      { class: 'card', 'aria-label': `Group ${group.name}` },
      h(
        'header',
        {},
        h('h2', {}, group.name),
        h('span', { class: 'faint cut' }, group.file),
        h('div', { class: 'grow' }),
        h(
          'span',
          { class: 'soft nowrap' },
          `every ${formatDuration(group.interval * 1e9)} · ${looked(group)}`,
        ),
      ),
      h(
        'div',
        { class: 'scroll' },
        h('table', { class: 'table' }, h('tbody', {}, group.rules.map(ruleRow))),
      ),
    ),
  );
}
