// Silences: those in force first.

import { badge } from './alert_labels.js';
import { h, table } from './dom.js';
import { getPrefs } from './prefs.js';
import { formatAgo, formatTime } from './time.js';

const ORDER = { active: 0, pending: 1, expired: 2 };

const sign = ({ isEqual, isRegex }) =>
  (isEqual === false ? '!' : '=') + (isRegex ? '~' : isEqual === false ? '=' : '');

function silenceRow(one, onExpire) {
  const ends = Date.parse(one.endsAt);
  return h(
    'tr',
    {},
    h('td', {}, badge(one.status.state)),
    h(
      'td',
      {},
      h(
        'span',
        { class: 'labels' },
        one.matchers.map((m) =>
          h('span', { class: 'label' }, m.name + sign(m), h('b', {}, m.value)),
        ),
      ),
    ),
    h('td', {}, one.comment, h('div', { class: 'soft' }, one.createdBy)),
    h(
      'td',
      { class: 'nowrap', title: formatTime(ends, getPrefs().utc) },
      formatAgo(ends, Date.now()),
    ),
    h(
      'td',
      { class: 'num' },
      one.status.state !== 'expired' &&
        h(
          'button',
          { class: 'button small danger', type: 'button', onclick: () => onExpire(one.id) },
          'Expire',
        ),
    ),
  );
}

/** `silences` as /api/v2/silences has them; `onExpire(id)` ends one. */
export function silenceTable(silences, onExpire) {
  const sorted = [...silences].sort(
    (a, b) => ORDER[a.status.state] - ORDER[b.status.state] || (a.endsAt < b.endsAt ? 1 : -1),
  );
  return h(
    'section',
    { class: 'card scroll', 'aria-label': 'Silences' },
    table(
      ['State', 'Alerts with', 'Why', 'Ends', ''],
      sorted.map((one) => silenceRow(one, onExpire)),
    ),
  );
}
