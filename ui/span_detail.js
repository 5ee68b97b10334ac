// Everything that is known of one span.

import { serviceDot } from './colour.js';
import { copyText, h, icon } from './dom.js';
import { formatDuration, formatPercent } from './format.js';
import { addressOf } from './router.js';
import { formatTime } from './time.js';
import { attributesOf, hexId, spansLike } from './trace_model.js';
import { tagText } from './traceql_complete.js';

/** A value as TraceQL writes it; '' for what it cannot compare with. */
export function literalOf(raw) {
  if (raw?.stringValue !== undefined) return JSON.stringify(raw.stringValue);
  const number = raw?.intValue ?? raw?.doubleValue ?? raw?.boolValue;
  return number === undefined ? '' : String(number);
}

function searchFor(scope, { key, raw }) {
  const literal = literalOf(raw);
  return literal && addressOf('search', '', { q: `{ ${tagText(scope, key)} = ${literal} }` });
}

function pairs(list, scope) {
  return h(
    'table',
    { class: 'pairs' },
    h(
      'tbody',
      {},
      list.map((one) => {
        const href = scope && searchFor(scope, one);
        const long = one.value.includes('\n') || one.value.length > 160;
        return h(
          'tr',
          {},
          h('th', { scope: 'row' }, one.key),
          h(
            'td',
            {},
            long ? h('pre', {}, one.value) : one.value,
            href &&
              h(
                'a',
                {
                  class: 'find',
                  href,
                  title: 'Traces with this',
                  'aria-label': `Traces with this ${one.key}`,
                },
                icon('search'),
              ),
          ),
        );
      }),
    ),
  );
}

function section(title, count, ...content) {
  return h(
    'details',
    { open: true },
    h('summary', {}, title, count > 0 && h('span', { class: 'faint' }, ` ${count}`)),
    content,
  );
}

function eventsOf(span) {
  return (span.raw.events || []).map((event) =>
    h(
      'div',
      { class: 'event' },
      h(
        'div',
        { class: 'row' },
        h('b', {}, event.name),
        h(
          'span',
          { class: 'soft num' },
          `+${formatDuration(Number(BigInt(event.timeUnixNano || 0) - span.startNanos))}`,
        ),
      ),
      pairs(attributesOf(event.attributes), 'event'),
    ),
  );
}

function linksOf(span) {
  return (span.raw.links || []).map((link) => {
    const trace = hexId(link.traceId);
    return h(
      'div',
      { class: 'event' },
      h(
        'a',
        { class: 'mono', href: addressOf('trace', trace, { span: hexId(link.spanId) }) },
        trace,
      ),
      pairs(attributesOf(link.attributes), 'link'),
    );
  });
}

/** opts: model, utc, onClose(). */
export function spanDetail(span, { model, utc, onClose }) {
  const attributes = attributesOf(span.raw.attributes);
  const resource = attributesOf(span.resource.attributes);
  const scope = span.scope.name
    ? [
        { key: 'name', value: span.scope.name },
        ...(span.scope.version ? [{ key: 'version', value: span.scope.version }] : []),
        ...attributesOf(span.scope.attributes),
      ]
    : [];
  const events = eventsOf(span);
  const links = linksOf(span);
  const link = h(
    'button',
    {
      class: 'button small',
      type: 'button',
      onclick: () =>
        copyText(
          link,
          `${location.origin}${addressOf('trace', hexId(span.raw.traceId), { span: span.id })}`,
        ),
    },
    'Copy link',
  );
  const similar = addressOf('search', '', {
    q: spansLike(span),
  });
  const fact = (name, value) => h('div', {}, h('dt', {}, name), h('dd', {}, value));
  return h(
    'aside',
    { class: 'detail', 'aria-label': 'Span' },
    h(
      'header',
      {},
      h(
        'div',
        { class: 'row' },
        serviceDot(span.service),
        h('a', { class: 'soft', href: addressOf('service', span.service) }, span.service),
        h('div', { class: 'grow' }),
        h(
          'button',
          {
            class: 'button plain small square',
            type: 'button',
            'aria-label': 'Close',
            title: 'Close (Esc)',
            onclick: onClose,
          },
          icon('close'),
        ),
      ),
      h('h2', {}, span.name || 'without a name'),
      span.failed &&
        h('div', { class: 'notice bad' }, span.statusMessage || 'The span ended with an error.'),
      h(
        'dl',
        { class: 'facts' },
        fact('Duration', formatDuration(span.duration)),
        fact(
          'Own time',
          `${formatDuration(span.self)} · ${formatPercent(span.duration > 0 ? span.self / span.duration : 0)}`,
        ),
        fact('Begins after', formatDuration(span.start)),
        fact('Kind', span.kind || 'unspecified'),
        fact('Began', formatTime(model.startMs + span.start / 1e6, utc)),
        fact('Span', h('span', { class: 'mono' }, span.id)),
      ),
      h(
        'div',
        { class: 'row wrap' },
        link,
        h('a', { class: 'button small', href: similar }, 'Find such spans'),
      ),
    ),
    span.orphan &&
      h('div', { class: 'notice' }, `Its parent ${span.parentId} has not been received.`),
    attributes.length > 0 && section('Attributes', attributes.length, pairs(attributes, 'span')),
    events.length > 0 && section('Events', events.length, events),
    links.length > 0 && section('Links', links.length, links),
    section('Resource', resource.length, pairs(resource, 'resource')),
    scope.length > 0 && section('Instrumentation', 0, pairs(scope, '')),
  );
}
