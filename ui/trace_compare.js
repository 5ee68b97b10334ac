// A trace beside another one: which operations were slower, more, or failed there.

import { getJson } from './api.js';
import { serviceName } from './colour.js';
import { h, put, table } from './dom.js';
import { formatCount, formatDuration } from './format.js';
import { getPrefs } from './prefs.js';
import { addressOf } from './router.js';
import { foundTrace } from './found_trace.js';
import { formatTime } from './time.js';
import { spansLike, traceModel } from './trace_model.js';
import { operationsOf } from './trace_sums.js';

const HOUR = 3600e3;
const MOST = 500;
const HEADS = ['Spans here', 'there', 'Own time here', 'there', 'Change'];

/** Operations of both lists: [{service, name, a, b (null where it is not), change (own time, ns)}], the largest change first. */
export function changesOf(a, b) {
  const found = new Map();
  const none = { spans: 0, errors: 0, self: 0 };
  for (const [side, list] of [
    ['a', a],
    ['b', b],
  ]) {
    for (const one of list) {
      if (!found.has(one.key))
        found.set(one.key, { service: one.service, name: one.name, a: null, b: null });
      found.get(one.key)[side] = one;
    }
  }
  return [...found.values()]
    .map((one) => ({ ...one, change: (one.b || none).self - (one.a || none).self }))
    .sort((x, y) => Math.abs(y.change) - Math.abs(x.change) || (x.name < y.name ? -1 : 1));
}

const signed = (nanos) =>
  nanos === 0 ? '0' : `${nanos > 0 ? '+' : '−'}${formatDuration(Math.abs(nanos))}`;

function changeRow(one, largest) {
  const number = (side, read) => h('td', { class: 'num' }, side ? read(side) : '–');
  const spans = (side) => formatCount(side.spans);
  const self = (side) => formatDuration(side.self);
  const [here, there] = [one.a?.errors || 0, one.b?.errors || 0];
  const width = `${(50 * Math.abs(one.change)) / largest}%`;
  return h(
    'tr',
    {},
    h(
      'td',
      {},
      one.name || 'without a name',
      there > here && h('span', { class: 'badge bad' }, 'fails there'),
      here > there && h('span', { class: 'badge bad' }, 'fails here'),
    ),
    h('td', {}, serviceName(one.service)),
    number(one.a, spans),
    number(one.b, spans),
    number(one.a, self),
    number(one.b, self),
    h('td', { class: 'num' }, signed(one.change)),
    h(
      'td',
      {},
      h(
        'span',
        { class: `change ${one.change > 0 ? 'more' : 'less'}` },
        h('i', { style: { width } }),
      ),
    ),
  );
}

/** opts: id of this trace, other (id or ''), onOther(id). Returns what ends it. */
export function traceCompare(el, model, { id, other, onOther }) {
  const asked = new AbortController();
  const input = h('input', {
    class: 'input mono',
    placeholder: 'Id of another trace',
    'aria-label': 'Id of another trace',
    value: other,
    spellcheck: 'false',
  });
  const choices = h('div', { class: 'stack-small' });
  const result = h('div', {});
  put(
    el,
    h(
      'form',
      {
        class: 'row compare-form',
        onsubmit: (event) => {
          event.preventDefault();
          onOther(input.value.trim().toLowerCase());
        },
      },
      input,
      h('button', { class: 'button primary', type: 'submit' }, 'Compare'),
    ),
    choices,
    result,
  );

  /** Traces of the same operation around the same time. */
  async function suggest() {
    const [root] = model.spans;
    const answer = await getJson(
      'api/search',
      {
        q: spansLike(root),
        limit: 30,
        spss: 1,
        start: Math.floor((model.startMs - HOUR) / 1000),
        end: Math.ceil((model.startMs + HOUR) / 1000),
      },
      asked.signal,
    );
    const found = (answer.traces || [])
      .map(foundTrace)
      .filter((one) => one.id !== id.padStart(32, '0'))
      .sort((a, b) => a.duration - b.duration);
    const some =
      found.length > 6
        ? [0, 0.2, 0.4, 0.6, 0.8, 1].map((part) => found[Math.round(part * (found.length - 1))])
        : found;
    put(
      choices,
      h(
        'p',
        { class: 'soft' },
        some.length > 0
          ? 'Or one of the same operation, from the fastest to the slowest:'
          : 'No other trace of this operation within an hour.',
      ),
      h(
        'div',
        { class: 'row wrap' },
        some.map((one) =>
          h(
            'button',
            { class: 'button small', type: 'button', onclick: () => onOther(one.id) },
            h('b', {}, formatDuration(one.duration)),
            one.errors > 0 && h('span', { class: 'badge bad' }, `${one.errors} errors`),
            h('span', { class: 'soft' }, formatTime(one.start, getPrefs().utc, 's')),
          ),
        ),
      ),
    );
  }

  async function compare() {
    const answer = await getJson(`api/v2/traces/${encodeURIComponent(other)}`, {}, asked.signal);
    const against = traceModel(answer);
    const changes = changesOf(operationsOf(model.spans), operationsOf(against.spans));
    const largest = Math.max(...changes.map((one) => Math.abs(one.change)), 1);
    put(
      result,
      h(
        'p',
        {},
        'This trace took ',
        h('b', {}, formatDuration(model.duration)),
        ', ',
        h('a', { href: addressOf('trace', other) }, 'the other'),
        ' ',
        h('b', {}, formatDuration(against.duration)),
        `: ${signed(against.duration - model.duration)}.`,
      ),
      table(
        ['Operation', 'Service', ...HEADS.map((name) => [name, 'num']), ''],
        changes.slice(0, MOST).map((one) => changeRow(one, largest)),
      ),
    );
  }

  const fail = (where) => (error) => {
    if (error.name === 'AbortError') return;
    put(
      where,
      h(
        'div',
        { class: 'notice bad', role: 'alert' },
        error.status === 404 ? `There is no trace ${other}.` : error.message,
      ),
    );
  };
  suggest().catch(fail(choices));
  if (other) compare().catch(fail(result));
  return () => asked.abort();
}
