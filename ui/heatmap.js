// How many spans took how long, over time: the darker, the more.

import { h, put, s } from './dom.js';
import { formatDuration, formatNumber } from './format.js';
import { formatTick, formatTime, timeTicks } from './time.js';
import { tip } from './tip.js';

const HEIGHT = 200;
const TOP = 8;
const BOTTOM = 24;
const LEFT = 72;
const RIGHT = 14;

/**
 * Cells of histogram_over_time's series: each series is a bucket, its label __bucket the upper bound
 * in seconds; buckets are powers of two. [{start, end (ms), low, high (ns), count}].
 */
export function cellsOf(series) {
  const times = [...new Set(series.flatMap((one) => one.points.map((p) => p[0])))].sort(
    (a, b) => a - b,
  );
  const step = times.length > 1 ? times[1] - times[0] : 60e3;
  const cells = [];
  for (const one of series) {
    const high = Number(one.labels.__bucket) * 1e9;
    if (!(high > 0)) continue;
    for (const [t, count] of one.points)
      if (count > 0) cells.push({ start: t - step, end: t, low: high / 2, high, count });
  }
  return cells;
}

/** The box around the cells that one touches: {start, end, low, high}; null if it touches none. */
export function boxAround(cells, { start, end, low, high }) {
  const touched = cells.filter(
    (one) => one.start < end && one.end > start && one.low < high && one.high > low,
  );
  if (touched.length === 0) return null;
  return {
    start: Math.min(...touched.map((one) => one.start)),
    end: Math.max(...touched.map((one) => one.end)),
    low: Math.min(...touched.map((one) => one.low)),
    high: Math.max(...touched.map((one) => one.high)),
  };
}

/** Draws into `el`; opts: range, utc, picked (a box or null), onPick(box). Returns what ends it. */
export function heatmap(el, series, opts) {
  const cells = cellsOf(series);
  const window_ = tip();
  if (cells.length === 0) {
    put(el, h('p', { class: 'soft pad' }, 'No request in this range of time.'));
    return window_.hide;
  }
  const width = Math.max(el.clientWidth || 600, 200);
  const { start, end } = opts.range;
  const low = Math.log2(Math.min(...cells.map((one) => one.low)));
  const high = Math.log2(Math.max(...cells.map((one) => one.high)));
  const most = Math.max(...cells.map((one) => one.count));
  const x = (t) =>
    LEFT + ((width - LEFT - RIGHT) * (Math.max(start, Math.min(end, t)) - start)) / (end - start);
  const y = (v) => HEIGHT - BOTTOM - ((HEIGHT - TOP - BOTTOM) * (v - low)) / (high - low);
  const timeAt = (px) => start + ((px - LEFT) / (width - LEFT - RIGHT)) * (end - start);
  const valueAt = (px) =>
    2 ** (low + ((HEIGHT - BOTTOM - px) / (HEIGHT - TOP - BOTTOM)) * (high - low));
  const each = Math.max(1, Math.ceil((high - low) / 6));
  const marks = [];
  for (let power = low; power <= high; power += each) marks.push(power);
  const picked = s('rect', { class: 'picked', visibility: 'hidden', rx: 3 });
  const svg = s(
    'svg',
    {
      class: 'plot heat-map',
      width,
      height: HEIGHT,
      role: 'img',
      'aria-label': 'Distribution of durations over time',
    },
    marks.map((power) =>
      s(
        'text',
        { class: 'tick', x: LEFT - 8, y: y(power) + 4, 'text-anchor': 'end' },
        formatDuration(2 ** power),
      ),
    ),
    timeTicks(start, end, Math.max(2, Math.floor(width / 110)), opts.utc).map((t) =>
      s(
        'text',
        { class: 'tick', x: x(t), y: HEIGHT - 6, 'text-anchor': 'middle' },
        formatTick(t, end - start, opts.utc),
      ),
    ),
    cells
      .filter((one) => one.end > start && one.start < end)
      .map((cell) =>
        s('rect', {
          class: 'heat',
          x: x(cell.start),
          width: Math.max(1, x(cell.end) - x(cell.start) - 1),
          y: y(Math.log2(cell.high)),
          height: Math.max(1, y(Math.log2(cell.low)) - y(Math.log2(cell.high)) - 1),
          rx: 2,
          'fill-opacity': (0.12 + 0.88 * Math.sqrt(cell.count / most)).toFixed(3),
          onmousemove: (event) =>
            window_.show(
              event,
              h('b', {}, `${formatDuration(cell.low)} – ${formatDuration(cell.high)}`),
              h(
                'div',
                { class: 'soft' },
                `${formatNumber(cell.count)} until ${formatTime(cell.end, opts.utc, 's')}`,
              ),
            ),
          onmouseleave: window_.hide,
        }),
      ),
    picked,
  );
  const outline = (box) => {
    picked.setAttribute('visibility', 'visible');
    picked.setAttribute('x', x(box.start));
    picked.setAttribute('width', Math.max(1, x(box.end) - x(box.start)));
    picked.setAttribute('y', y(Math.log2(box.high)));
    picked.setAttribute('height', Math.max(1, y(Math.log2(box.low)) - y(Math.log2(box.high))));
  };
  if (opts.picked) outline(opts.picked);
  svg.addEventListener('pointerdown', (event) =>
    drag(
      svg,
      event,
      (from, to) => {
        const box = boxAround(cells, {
          start: timeAt(Math.min(from[0], to[0])),
          end: timeAt(Math.max(from[0], to[0])),
          low: valueAt(Math.max(from[1], to[1])),
          high: valueAt(Math.min(from[1], to[1])),
        });
        if (box) outline(box);
        return box;
      },
      opts.onPick,
    ),
  );
  put(el, svg);
  return window_.hide;
}

/** Follows the pointer from where it is pressed; `look` gives the box so far, `done` gets the last one. */
function drag(svg, event, look, done) {
  if (event.button !== 0) return;
  const frame = svg.getBoundingClientRect();
  const at = (one) => [one.clientX - frame.left, one.clientY - frame.top];
  const from = at(event);
  let box = look(from, from);
  svg.setPointerCapture(event.pointerId);
  svg.onpointermove = (move) => {
    box = look(from, at(move));
  };
  svg.onpointerup = () => {
    svg.onpointermove = null;
    svg.onpointerup = null;
    if (box) done(box);
  };
}
