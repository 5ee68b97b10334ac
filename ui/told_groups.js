// Who is told of what: the router's groups, and the routes in force.

import { badge, labelList } from './alert_labels.js';
import { h } from './dom.js';
import { nothing } from './empty.js';
import { formatAgo } from './time.js';

function toldText(group) {
  if (group.silentBecause) return `silent: ${group.silentBecause}`;
  const at = Date.parse(group.lastNotifiedAt);
  return at > 0 ? `told ${formatAgo(at, Date.now())}` : 'not told yet';
}

function toldGroup(group) {
  return h(
    'section',
    { class: 'card', 'aria-label': `Group for ${group.receiver.name}` },
    h(
      'header',
      {},
      h('h2', {}, group.receiver.name),
      labelList(group.labels),
      h('div', { class: 'grow' }),
      h('span', { class: 'soft' }, toldText(group)),
    ),
    h(
      'div',
      { class: 'body stack-small' },
      group.alerts.map((one) =>
        h(
          'div',
          { class: 'row wrap' },
          badge(one.status.state, one.status.state === 'active' ? 'bad' : ''),
          labelList(one.labels),
        ),
      ),
    ),
  );
}

/** `groups` and `status` as /api/v2/alerts/groups and /api/v2/status have them. */
export function toldGroups(groups, status) {
  return [
    groups.length > 0 ? groups.map(toldGroup) : nothing('Nobody is told anything at the moment'),
    h(
      'section',
      { class: 'card', 'aria-label': 'Routing' },
      h('header', {}, h('h2', {}, 'Routing'), h('span', { class: 'soft' }, 'as it is in force')),
      h('div', { class: 'body' }, h('pre', { class: 'block' }, status.config.original)),
    ),
  ];
}
