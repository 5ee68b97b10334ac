// Which spans a filter's words mean. All words must fit: `error`, `>10ms`, `<2s`, `key=value`
// (a part of the value), or any text in service, name, id or attributes.

import { parseSpan } from './time.js';
import { valueOf } from './trace_model.js';

const has = (text, word) => String(text).toLowerCase().includes(word);

function* attributes(span) {
  yield* span.raw.attributes || [];
  yield* span.resource.attributes || [];
  for (const event of span.raw.events || []) yield* event.attributes || [];
}

function nanosOf(text) {
  const small = /^(\d+(?:\.\d+)?)(ns|us|µs)$/.exec(text);
  if (small) return Number(small[1]) * (small[2] === 'ns' ? 1 : 1e3);
  return parseSpan(text) * 1e6;
}

function testOf(word) {
  const longer = /^([<>])(.+)$/.exec(word);
  if (longer && nanosOf(longer[2]) >= 0) {
    const limit = nanosOf(longer[2]);
    return longer[1] === '>' ? (span) => span.duration > limit : (span) => span.duration < limit;
  }
  if (word === 'error') return (span) => span.failed;
  const pair = /^([^=]+)=(.*)$/.exec(word);
  if (pair) {
    const [, key, value] = pair;
    return (span) => {
      if (key === 'service') return has(span.service, value);
      if (key === 'name') return has(span.name, value);
      if (key === 'kind') return span.kind === value;
      for (const one of attributes(span))
        if (one.key.toLowerCase() === key && has(valueOf(one.value), value)) return true;
      return false;
    };
  }
  return (span) => {
    if (
      has(span.service, word) ||
      has(span.name, word) ||
      span.id.startsWith(word) ||
      has(span.statusMessage, word)
    )
      return true;
    for (const one of attributes(span))
      if (has(one.key, word) || has(valueOf(one.value), word)) return true;
    return (span.raw.events || []).some((event) => has(event.name, word));
  };
}

/** The words of a filter; "double quotes" keep spaces. */
export const wordsOf = (text) =>
  (text.toLowerCase().match(/"[^"]*"?|\S+/g) || [])
    .map((word) => word.replaceAll('"', ''))
    .filter(Boolean);

/** Indexes of the spans that fit, in order; null if the filter is empty. */
export function matchesOf(spans, text) {
  const tests = wordsOf(text).map(testOf);
  if (tests.length === 0) return null;
  return spans.filter((span) => tests.every((test) => test(span))).map((span) => span.index);
}
