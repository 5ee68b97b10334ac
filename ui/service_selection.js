// The part of a service's page that says what is different about a selection of its requests.

import { traceqlMetrics } from './api.js';
import { compareQuery, conditionOf, differencesOf } from './differences.js';
import { differencesView } from './differences_view.js';
import { h, put } from './dom.js';
import { formatDuration } from './format.js';
import { getPrefs } from './prefs.js';
import { addressOf } from './router.js';
import { narrowed } from './service_data.js';
import { formatTime } from './time.js';

/** A value of compare() as a query writes it: `status` and `kind` are words, and only texts quoted. */
export function valueIn(name, { value, text }) {
  return text && !/^(status|kind)$/.test(name) ? JSON.stringify(value) : value;
}

function about(pick) {
  if (pick.failed) return 'about requests that failed';
  const { utc } = getPrefs();
  const from = formatTime(pick.start, utc, 'm');
  const to = formatTime(pick.end, utc, 'm').slice(from.indexOf(' ') + 1);
  return `about ${formatDuration(pick.low)} to ${formatDuration(pick.high)}, ${from} to ${to}`;
}

/** `onClear()` takes the selection away. Returns {element, show(pick or null, data, times), destroy}. */
export function selectionCard(onClear) {
  const head = h('header', {});
  const body = h('div', { class: 'panel-body' });
  const attributes = { class: 'card', 'aria-label': 'What is different', hidden: true };
  const element = h('section', attributes, head, body);
  let asked = null;

  async function ask(pick, { range, entries }, tracesOf) {
    asked = new AbortController();
    const whole = Math.ceil((range.end - range.start) / 1000);
    body.classList.add('loading');
    try {
      const query = compareQuery(entries, pick);
      const series = await traceqlMetrics(query, range, whole, asked.signal);
      differencesView(body, differencesOf(series), {
        skip: ['resource.service.name', ...(pick.failed ? ['status', 'statusMessage'] : [])],
        href: (name, value) => tracesOf(`${name} = ${valueIn(name, value)}`),
      });
    } catch (error) {
      if (error.name === 'AbortError') return;
      put(body, h('div', { class: 'notice bad', role: 'alert' }, error.message));
    }
    body.classList.remove('loading');
  }

  return {
    element,
    show(pick, data, times) {
      asked?.abort();
      element.hidden = pick === null;
      if (pick === null) return;
      const range = pick.failed
        ? times
        : { from: Math.round(pick.start), to: Math.round(pick.end) };
      const chosen = narrowed(data.entries, conditionOf(pick));
      const tracesOf = (more) =>
        addressOf('search', '', { ...range, q: more ? narrowed(chosen, more) : chosen });
      put(
        head,
        h('h2', {}, 'What is different'),
        h('span', { class: 'soft' }, about(pick)),
        h('span', { class: 'key in' }, 'selection'),
        h('span', { class: 'key out' }, 'the others'),
        h('div', { class: 'grow' }),
        h('a', { class: 'button small', href: tracesOf('') }, 'Traces of the selection'),
        h('button', { class: 'button small', type: 'button', onclick: onClear }, 'Clear'),
      );
      ask(pick, data, tracesOf);
    },
    destroy: () => asked?.abort(),
  };
}
