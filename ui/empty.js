// What a page says while there is nothing to show: how to send something.

import { h, copyText } from './dom.js';

/** The environment of any OpenTelemetry SDK that sends to this server. */
export function sendingText() {
  const host = location.hostname.includes(':')
    ? `[${location.hostname.replace(/[[\]]/g, '')}]`
    : location.hostname;
  return `export OTEL_SERVICE_NAME=my-service
export OTEL_EXPORTER_OTLP_ENDPOINT=http://${host}:4318
export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf
export OTEL_TRACES_EXPORTER=otlp`;
}

export function howToSend(range) {
  const text = sendingText();
  const button = h(
    'button',
    { class: 'button small', type: 'button', onclick: () => copyText(button, text) },
    'Copy',
  );
  return h(
    'div',
    { class: 'empty card' },
    h('h2', {}, range.relative ? 'No traces yet' : 'No traces in this range of time'),
    h(
      'p',
      { class: 'soft' },
      'Point any OpenTelemetry SDK at this server and restart your service. Traces show up here within a second.',
    ),
    h('div', { class: 'code' }, h('pre', {}, text), button),
    h(
      'p',
      { class: 'soft' },
      'Port 4317 takes gRPC, 4318 HTTP, unless the configuration says otherwise. A Collector sends with the exporter ',
      h('code', {}, 'otlp'),
      '.',
    ),
  );
}

export function nothing(title, ...text) {
  return h(
    'div',
    { class: 'empty card' },
    h('h2', {}, title),
    text.length > 0 && h('p', { class: 'soft' }, text),
  );
}
