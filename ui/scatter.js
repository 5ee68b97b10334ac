// Traces as points: when they began, how long they took (on a logarithmic scale).

import { h, put, s } from './dom.js';
import { formatDuration } from './format.js';
import { formatTick, formatTime, timeTicks } from './time.js';
import { tip } from './tip.js';

const HEIGHT = 168;
const LEFT = 60;
const RIGHT = 16;
const TOP = 12;
const BOTTOM = 24;

/** Powers of ten, or one, two and five of them, that lie in [low, high], both positive. */
export function logTicks(low, high) {
  const decades = Math.log10(high / low);
  const factors = decades < 1.2 ? [1, 2, 5] : decades < 2.5 ? [1, 3] : [1];
  const values = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power += 1) {
    for (const factor of factors) {
      const value = factor * 10 ** power;
      if (value >= low && value <= high) values.push(value);
    }
  }
  return values;
}

/**
 * Draws into `el`. data: [{id, start (ms), duration (ns), failed, title}]; opts: range {start, end},
 * utc, onOpen(id).
 */
export function scatter(el, data, opts) {
  const width = el.clientWidth || 800;
  const durations = data.map((one) => Math.max(one.duration, 1));
  const low = Math.min(...durations, 1e6) / 1.4;
  const high = Math.max(...durations, low * 10) * 1.4;
  const { start, end } = opts.range;
  const x = (t) => LEFT + ((width - LEFT - RIGHT) * (t - start)) / (end - start);
  const y = (d) =>
    HEIGHT -
    BOTTOM -
    ((HEIGHT - TOP - BOTTOM) * Math.log(Math.max(d, 1) / low)) / Math.log(high / low);
  const window_ = tip();
  const svg = s(
    'svg',
    {
      class: 'scatter',
      width,
      height: HEIGHT,
      role: 'img',
      'aria-label': `${data.length} traces by start and duration; the table below has the same`,
    },
    logTicks(low, high).map((value) => [
      s('line', { class: 'grid', x1: LEFT, x2: width - RIGHT, y1: y(value), y2: y(value) }),
      s(
        'text',
        { class: 'tick', x: LEFT - 8, y: y(value) + 4, 'text-anchor': 'end' },
        formatDuration(value),
      ),
    ]),
    timeTicks(start, end, Math.max(2, Math.floor(width / 140)), opts.utc).map((t) =>
      s(
        'text',
        { class: 'tick', x: x(t), y: HEIGHT - 7, 'text-anchor': 'middle' },
        formatTick(t, end - start, opts.utc),
      ),
    ),
    s('line', {
      class: 'axis',
      x1: LEFT,
      x2: width - RIGHT,
      y1: HEIGHT - BOTTOM,
      y2: HEIGHT - BOTTOM,
    }),
    data.map((one) =>
      s('circle', {
        class: one.failed ? 'point bad' : 'point',
        cx: x(one.start),
        cy: y(one.duration),
        r: 4.5,
        onclick: () => opts.onOpen(one.id),
        onmousemove: (event) =>
          window_.show(
            event,
            h('div', {}, one.title),
            h(
              'div',
              { class: 'soft' },
              `${formatDuration(one.duration)} · ${formatTime(one.start, opts.utc)}`,
            ),
          ),
        onmouseleave: window_.hide,
      }),
    ),
  );
  put(el, svg);
  return window_.hide;
}
