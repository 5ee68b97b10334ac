// Alerts that are active, the rules that make them, who is told, and what is silenced.

import { activeAlerts, activeTable } from './active_alerts.js';
import { keyOf } from './alert_labels.js';
import { getJson, prometheus, sendJson } from './api.js';
import { h, put } from './dom.js';
import { nothing } from './empty.js';
import { rowKeys } from './keys.js';
import { ruleGroups } from './rule_groups.js';
import { openSilence } from './silence_form.js';
import { silenceTable } from './silence_table.js';
import { toldGroups } from './told_groups.js';

const EVERY_MS = 10e3;
const TABS = [
  ['', 'Active'],
  ['rules', 'Rules'],
  ['silences', 'Silences'],
  ['told', 'Who is told'],
];
export function mount(root, first) {
  let context = first;
  let data = null;
  let asked = null;
  const failure = h('div', { class: 'notice bad', role: 'alert', hidden: true });
  const find = h('input', {
    class: 'input',
    type: 'search',
    placeholder: 'Filter by name or label',
    'aria-label': 'Filter',
    'data-focus': 'find',
    oninput: () => context.setParams({ find: find.value }, { replace: true }),
  });
  const counts = new Map(TABS.map(([name]) => [name, h('span', { class: 'faint' })]));
  const tabs = TABS.map(([name, text]) =>
    h(
      'button',
      {
        role: 'tab',
        type: 'button',
        'data-tab': name,
        onclick: () => context.setParams({ tab: name }),
      },
      text,
      ' ',
      counts.get(name),
    ),
  );
  const body = h('div', { class: 'stack' });
  root.append(
    h(
      'div',
      { class: 'page' },
      h(
        'div',
        { class: 'row wrap' },
        h('h1', {}, 'Alerts'),
        h('div', { class: 'tabs', role: 'tablist', 'aria-label': 'Parts' }, tabs),
        h('div', { class: 'grow' }),
        find,
        h('button', { class: 'button', type: 'button', onclick: () => silence([]) }, 'New silence'),
      ),
      failure,
      body,
    ),
  );

  async function ask() {
    asked?.abort();
    asked = new AbortController();
    const { signal } = asked;
    try {
      const [{ groups }, routed, silences, told, status] = await Promise.all([
        prometheus('rules', {}, signal),
        getJson('api/v2/alerts', {}, signal),
        getJson('api/v2/silences', {}, signal),
        getJson('api/v2/alerts/groups', {}, signal),
        getJson('api/v2/status', {}, signal),
      ]);
      data = {
        groups,
        routed: new Map(routed.map((one) => [keyOf(one.labels), one])),
        silences,
        told,
        status,
      };
      failure.hidden = true;
      draw();
    } catch (error) {
      if (error.name === 'AbortError') return;
      failure.textContent = error.message;
      failure.hidden = false;
    }
  }

  const fits = (text) => text.toLowerCase().includes((context.params.find || '').toLowerCase());

  function draw() {
    const active = activeAlerts(data.groups, data.routed);
    const tab = context.params.tab || '';
    for (const one of tabs) one.setAttribute('aria-selected', String(one.dataset.tab === tab));
    const living = data.silences.filter((one) => one.status.state !== 'expired');
    counts.get('').textContent = active.length || '';
    counts.get('rules').textContent =
      data.groups.reduce((sum, group) => sum + group.rules.length, 0) || '';
    counts.get('silences').textContent = living.length || '';
    const parts = { rules, silences: silenced, told: () => toldGroups(data.told, data.status) };
    put(body, Object.hasOwn(parts, tab) ? parts[tab]() : alerts(active));
  }

  function alerts(active) {
    const shown = active.filter((one) => fits(keyOf(one.labels)));
    if (shown.length > 0) return activeTable(shown, silence);
    if (active.length > 0) return nothing('No alert fits the filter');
    const none = 'There are no rules yet: name their files under rule_files in the configuration.';
    return nothing(
      'Nothing is wrong',
      data.groups.length > 0 ? 'No alert is pending or firing.' : none,
    );
  }

  function rules() {
    const groups = data.groups
      .map((group) => ({
        ...group,
        rules: group.rules.filter((rule) => fits(`${rule.name} ${rule.query} ${group.name}`)),
      }))
      .filter((group) => group.rules.length > 0);
    if (groups.length > 0) return ruleGroups(groups);
    return nothing(
      data.groups.length > 0 ? 'No rule fits the filter' : 'No rules',
      'Rules come from the files that rule_files in the configuration names.',
    );
  }

  function silenced() {
    const shown = data.silences.filter((one) =>
      fits(JSON.stringify([one.matchers, one.comment, one.createdBy])),
    );
    if (shown.length > 0) return silenceTable(shown, expire);
    return nothing(
      'Nothing is silenced',
      'A silence keeps alerts that fit its matchers from being told, until its time is over.',
    );
  }

  function silence(matchers) {
    openSilence(matchers, async (made) => {
      await sendJson('POST', 'api/v2/silences', made);
      context.setParams({ tab: 'silences' });
      await ask();
    });
  }

  async function expire(id) {
    try {
      await sendJson('DELETE', `api/v2/silence/${encodeURIComponent(id)}`);
    } catch (error) {
      failure.textContent = error.message;
      failure.hidden = false;
    }
    await ask();
  }

  const timer = setInterval(() => {
    if (!document.hidden && !document.querySelector('dialog[open]')) ask();
  }, EVERY_MS);
  ask();
  return {
    update(next) {
      context = next;
      if (document.activeElement !== find) find.value = next.params.find || '';
      if (data) draw();
    },
    destroy() {
      asked?.abort();
      clearInterval(timer);
    },
    keys: rowKeys(
      () => [...body.querySelectorAll('tbody tr')],
      (row) => row.querySelector('a')?.click(),
    ),
  };
}
