// Alerts that are active, the rules that make them, who is told, and what is silenced.

import { getJson, prometheus, sendJson } from './api.js';
import { h, put } from './dom.js';
import { nothing } from './empty.js';
import { formatDuration, formatNumber } from './format.js';
import { rowKeys } from './keys.js';
import { getPrefs } from './prefs.js';
import { addressOf } from './router.js';
import { openSilence } from './silence_form.js';
import { formatAgo, formatTime } from './time.js';

const EVERY_MS = 10e3;
const MOST = 500; // Alerts that are shown.
const TABS = [['', 'Active'], ['rules', 'Rules'], ['silences', 'Silences'], ['told', 'Who is told']];
const STATE = { firing: 'bad', pending: 'warn', inactive: 'good', active: 'good', expired: '', ok: 'good', err: 'bad', unknown: '', suppressed: '' };

const badge = (text, kind = STATE[text]) => h('span', { class: `badge ${kind || ''}` }, text);
const keyOf = (labels) => JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));

export function labelList(labels, without = []) {
  return h('span', { class: 'labels' }, Object.entries(labels).filter(([name]) => !without.includes(name))
    .map(([name, value]) => h('span', { class: 'label' }, `${name}=`, h('b', {}, value))));
}

/** The ids in an alert's annotation `traces`. */
export const tracesOf = (annotations) => (annotations?.traces || '').split(',').map((id) => id.trim()).filter((id) => /^[0-9a-f]{16,32}$/.test(id));

export function mount(root, first) {
  let context = first;
  let data = null;
  let asked = null;
  const failure = h('div', { class: 'notice bad', role: 'alert', hidden: true });
  const find = h('input', { class: 'input', type: 'search', placeholder: 'Filter by name or label', 'aria-label': 'Filter', 'data-focus': 'find',
    oninput: () => context.setParams({ find: find.value }, { replace: true }) });
  const counts = new Map(TABS.map(([name]) => [name, h('span', { class: 'faint' })]));
  const tabs = TABS.map(([name, text]) => h('button', { role: 'tab', type: 'button', 'data-tab': name,
    onclick: () => context.setParams({ tab: name }) }, text, ' ', counts.get(name)));
  const body = h('div', { class: 'stack' });
  root.append(h('div', { class: 'page' },
    h('div', { class: 'row wrap' }, h('h1', {}, 'Alerts'), h('div', { class: 'tabs', role: 'tablist', 'aria-label': 'Parts' }, tabs), h('div', { class: 'grow' }), find,
      h('button', { class: 'button', type: 'button', onclick: () => silence([]) }, 'New silence')),
    failure, body));

  async function ask() {
    asked?.abort();
    asked = new AbortController();
    const { signal } = asked;
    try {
      const [{ groups }, routed, silences, told, status] = await Promise.all([
        prometheus('rules', {}, signal), getJson('api/v2/alerts', {}, signal), getJson('api/v2/silences', {}, signal),
        getJson('api/v2/alerts/groups', {}, signal), getJson('api/v2/status', {}, signal)]);
      data = { groups, routed: new Map(routed.map((one) => [keyOf(one.labels), one])), silences, told, status };
      failure.hidden = true;
      draw();
    } catch (error) {
      if (error.name === 'AbortError') return;
      failure.textContent = error.message;
      failure.hidden = false;
    }
  }

  const fits = (text) => text.toLowerCase().includes((context.params.find || '').toLowerCase());

  function alerts() {
    const order = { firing: 0, pending: 1 };
    return data.groups.flatMap((group) => group.rules.filter((rule) => rule.type === 'alerting')
      .flatMap((rule) => rule.alerts.map((alert) => ({ ...alert, rule, group, routed: data.routed.get(keyOf(alert.labels)) }))))
      .sort((a, b) => order[a.state] - order[b.state] || (a.activeAt < b.activeAt ? 1 : -1));
  }

  function draw() {
    const active = alerts();
    const tab = context.params.tab || '';
    for (const one of tabs) one.setAttribute('aria-selected', String(one.dataset.tab === tab));
    const living = data.silences.filter((one) => one.status.state !== 'expired');
    counts.get('').textContent = active.length || '';
    counts.get('rules').textContent = data.groups.reduce((sum, group) => sum + group.rules.length, 0) || '';
    counts.get('silences').textContent = living.length || '';
    if (tab === 'rules') drawRules();
    else if (tab === 'silences') drawSilences();
    else if (tab === 'told') drawTold();
    else drawAlerts(active);
  }

  function drawAlerts(active) {
    const shown = active.filter((one) => fits(keyOf(one.labels)));
    if (shown.length === 0) {
      put(body, active.length > 0 ? nothing('No alert fits the filter') : nothing('Nothing is wrong', data.groups.length > 0
        ? 'No alert is pending or firing.' : 'There are no rules yet: name their files under rule_files in the configuration.'));
      return;
    }
    put(body, h('section', { class: 'card scroll', 'aria-label': 'Active alerts' }, h('table', { class: 'table alerts' },
      h('thead', {}, h('tr', {}, ['State', 'Alert', 'Since', 'Value', 'Traces', ''].map((name, i) => h('th', { scope: 'col', class: i === 3 ? 'num' : '' }, name)))),
      h('tbody', {}, shown.slice(0, MOST).map(alertRow))),
    shown.length > MOST && h('p', { class: 'soft pad' }, `${shown.length - MOST} more: filter to see them.`)));
  }

  function alertRow(one) {
    const { labels, annotations, rule } = one;
    const traces = tracesOf(one.routed?.annotations || annotations);
    const quiet = one.routed?.status.state === 'suppressed';
    return h('tr', { class: 'alert-row' },
      h('td', {}, badge(one.state), quiet && h('div', {}, badge('silenced', ''))),
      h('td', {},
        h('div', { class: 'row wrap' }, h('b', {}, labels.alertname), labelList(labels, ['alertname'])),
        (annotations.summary || annotations.message) && h('div', {}, annotations.summary || annotations.message),
        annotations.description && h('div', { class: 'soft' }, annotations.description),
        h('div', { class: 'row small' }, h('a', { href: addressOf('metrics', '', { expr: rule.query }) }, 'Expression'),
          /^https?:\/\//.test(annotations.runbook_url || '') && h('a', { href: annotations.runbook_url, target: '_blank', rel: 'noopener noreferrer' }, 'Runbook'))),
      h('td', { class: 'nowrap', title: formatTime(Date.parse(one.activeAt), getPrefs().utc) }, formatAgo(Date.parse(one.activeAt), Date.now())),
      h('td', { class: 'num' }, formatNumber(Number(one.value))),
      h('td', {}, traces.length > 0 ? h('div', { class: 'stack-small' }, traces.slice(0, 4).map((id) => (
        h('a', { class: 'mono', href: addressOf('trace', id) }, id.slice(0, 8))))) : h('span', { class: 'faint' }, '–')),
      h('td', { class: 'num' }, h('button', { class: 'button small', type: 'button',
        onclick: () => silence(Object.entries(labels).map(([name, value]) => ({ name, value }))) }, 'Silence')));
  }

  function drawRules() {
    const groups = data.groups.map((group) => ({ ...group, rules: group.rules.filter((rule) => fits(`${rule.name} ${rule.query} ${group.name}`)) }))
      .filter((group) => group.rules.length > 0);
    if (groups.length === 0) {
      put(body, nothing(data.groups.length > 0 ? 'No rule fits the filter' : 'No rules', 'Rules come from the files that rule_files in the configuration names.'));
      return;
    }
    put(body, groups.map((group) => h('section', { class: 'card', 'aria-label': `Group ${group.name}` },
      h('header', {}, h('h2', {}, group.name), h('span', { class: 'faint cut' }, group.file), h('div', { class: 'grow' }),
        h('span', { class: 'soft nowrap' }, `every ${formatDuration(group.interval * 1e9)} · ${looked(group)}`)),
      h('div', { class: 'scroll' }, h('table', { class: 'table' }, h('tbody', {}, group.rules.map(ruleRow)))))));
  }

  const looked = (one) => (Date.parse(one.lastEvaluation) > 0
    ? `evaluated ${formatAgo(Date.parse(one.lastEvaluation), Date.now())} in ${formatDuration(one.evaluationTime * 1e9)}` : 'not evaluated yet');

  function ruleRow(rule) {
    const alerting = rule.type === 'alerting';
    return h('tr', {},
      h('td', { class: 'state-cell' }, badge(alerting ? rule.state : 'record', alerting ? undefined : '')),
      h('td', { class: 'rule-cell' },
        h('div', { class: 'row wrap' }, h('b', {}, rule.name), alerting && rule.duration > 0 && h('span', { class: 'soft' }, `for ${formatDuration(rule.duration * 1e9)}`), labelList(rule.labels)),
        h('a', { class: 'expr', href: addressOf('metrics', '', { expr: rule.query }), title: 'Look at it as a metric' }, h('code', {}, rule.query)),
        rule.lastError && h('div', { class: 'notice bad' }, rule.lastError)),
      h('td', {}, badge(rule.health)),
      h('td', { class: 'soft nowrap num' }, looked(rule)));
  }

  function drawSilences() {
    const order = { active: 0, pending: 1, expired: 2 };
    const shown = data.silences.filter((one) => fits(JSON.stringify([one.matchers, one.comment, one.createdBy])))
      .sort((a, b) => order[a.status.state] - order[b.status.state] || (a.endsAt < b.endsAt ? 1 : -1));
    if (shown.length === 0) {
      put(body, nothing('Nothing is silenced', 'A silence keeps alerts that fit its matchers from being told, until its time is over.'));
      return;
    }
    put(body, h('section', { class: 'card scroll', 'aria-label': 'Silences' }, h('table', { class: 'table' },
      h('thead', {}, h('tr', {}, ['State', 'Alerts with', 'Why', 'Ends', ''].map((name) => h('th', { scope: 'col' }, name)))),
      h('tbody', {}, shown.map((one) => h('tr', {},
        h('td', {}, badge(one.status.state)),
        h('td', {}, h('span', { class: 'labels' }, one.matchers.map((m) => h('span', { class: 'label' }, `${m.name}${m.isEqual === false ? '!' : '='}${m.isRegex ? '~' : m.isEqual === false ? '=' : ''}`, h('b', {}, m.value))))),
        h('td', {}, one.comment, h('div', { class: 'soft' }, one.createdBy)),
        h('td', { class: 'nowrap', title: formatTime(Date.parse(one.endsAt), getPrefs().utc) }, formatAgo(Date.parse(one.endsAt), Date.now())),
        h('td', { class: 'num' }, one.status.state !== 'expired' && h('button', { class: 'button small danger', type: 'button', onclick: () => expire(one.id) }, 'Expire'))))))));
  }

  function drawTold() {
    const { told, status } = data;
    const config = h('section', { class: 'card' }, h('header', {}, h('h2', {}, 'Routing'), h('span', { class: 'soft' }, 'as it is in force')),
      h('div', { class: 'body' }, h('pre', { class: 'block' }, status.config.original)));
    put(body, told.length === 0 ? nothing('Nobody is told anything at the moment') : told.map((group) => h('section', { class: 'card', 'aria-label': `Group for ${group.receiver.name}` },
      h('header', {}, h('h2', {}, group.receiver.name), labelList(group.labels), h('div', { class: 'grow' }), h('span', { class: 'soft' }, toldText(group))),
      h('div', { class: 'body stack-small' }, group.alerts.map((one) => h('div', { class: 'row wrap' }, badge(one.status.state, one.status.state === 'active' ? 'bad' : ''), labelList(one.labels)))))), config);
  }

  function toldText(group) {
    if (group.silentBecause) return `silent: ${group.silentBecause}`;
    const at = Date.parse(group.lastNotifiedAt);
    return at > 0 ? `told ${formatAgo(at, Date.now())}` : 'not told yet';
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

  const timer = setInterval(() => { if (!document.hidden && !document.querySelector('dialog[open]')) ask(); }, EVERY_MS);
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
    keys: rowKeys(() => [...body.querySelectorAll('tbody tr')], (row) => row.querySelector('a')?.click()),
  };
}
