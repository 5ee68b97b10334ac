// Lines over time: axes, the values under the pointer, exemplars that lead to traces, a range chosen
// by dragging.

import { put, h, s } from './dom.js';
import { formatNumber, ticks } from './format.js';
import { formatTick, formatTime, timeTicks } from './time.js';
import { tip } from './tip.js';

const TOP = 10;
const BOTTOM = 24;
const RIGHT = 14;
const SHOWN = 12; // Lines of the window beside the pointer.

/** The points cut where more than one and a half steps are missing, without what is no number. */
export function pieces(points, step) {
  const made = [];
  let piece = [];
  let last = null;
  for (const point of points) {
    if (!Number.isFinite(point[1])) continue;
    if (last !== null && step > 0 && point[0] - last > 1.5 * step) {
      made.push(piece);
      piece = [];
    }
    piece.push(point);
    last = point[0];
  }
  if (piece.length > 0) made.push(piece);
  return made;
}

/** [low, high] of all values, with zero if it is near or wanted, and never empty. */
export function extent(series, zero = false) {
  let low = Infinity;
  let high = -Infinity;
  for (const { points, exemplars = [] } of series) {
    for (const [, value] of points) {
      if (!Number.isFinite(value)) continue;
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
    for (const { value } of exemplars) if (Number.isFinite(value)) high = Math.max(high, value);
  }
  if (low > high) return [0, 1];
  if (low > 0 && (zero || low < 0.75 * high)) low = 0;
  if (low === high) return low === 0 ? [0, 1] : [Math.min(0, low), Math.max(0, high) * 1.1 || 1];
  return [low, high + (high - low) * 0.06];
}

/** The index of the point nearest to the time; -1 if none is within `reach`. */
export function nearest(points, time, reach) {
  let low = 0;
  let high = points.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (points[middle][0] < time) low = middle + 1;
    else high = middle;
  }
  if (low > 0 && Math.abs(points[low - 1][0] - time) <= Math.abs(points[low]?.[0] - time)) low -= 1;
  return points.length > 0 && Math.abs(points[low][0] - time) <= reach ? low : -1;
}

/**
 * Draws into `el`. series: [{name, colour, points: [[ms, value]], exemplars: [{time, value, trace}]}].
 * opts: range {start, end}, step (ms), format(value), height, utc, fill (the area between line and zero),
 * label, onZoom(start, end), onTrace(id). Returns what ends it.
 */
export function plot(el, series, opts) {
  const { range, step = 0, format = formatNumber, height = 220, utc } = opts;
  const width = Math.max(el.clientWidth || 600, 120);
  const [low, high] = extent(series, opts.fill);
  const marks = ticks(low, high, Math.max(2, Math.floor(height / 48)));
  const left = 16 + Math.max(...marks.map((value) => format(value).length)) * 6.4;
  const x = (t) => left + ((width - left - RIGHT) * (t - range.start)) / (range.end - range.start);
  const y = (v) => height - BOTTOM - ((height - TOP - BOTTOM) * (v - low)) / (high - low);
  const timeAt = (px) =>
    range.start + ((px - left) / (width - left - RIGHT)) * (range.end - range.start);
  const window_ = tip();
  const lines = s('g', {});
  for (const one of series) {
    for (const piece of pieces(one.points, step)) {
      const text = piece.map(([t, v]) => `${x(t).toFixed(1)},${y(v).toFixed(1)}`);
      if (opts.fill) {
        lines.append(
          s('polygon', {
            fill: one.colour,
            'fill-opacity': '.12',
            points: `${x(piece[0][0])},${y(low)} ${text.join(' ')} ${x(piece.at(-1)[0])},${y(low)}`,
          }),
        );
      }
      lines.append(
        piece.length > 1
          ? s('polyline', {
              fill: 'none',
              stroke: one.colour,
              'stroke-width': '1.6',
              'stroke-linejoin': 'round',
              points: text.join(' '),
            })
          : s('circle', { cx: x(piece[0][0]), cy: y(piece[0][1]), r: '2.2', fill: one.colour }),
      );
    }
  }
  const exemplars = series.flatMap((one) =>
    (one.exemplars || [])
      .filter((e) => e.time >= range.start && e.time <= range.end && Number.isFinite(e.value))
      .map((e) => exemplarMark(x(e.time), y(e.value), e)),
  );
  const cross = s('line', { class: 'cross', y1: TOP, y2: height - BOTTOM, visibility: 'hidden' });
  const dots = s('g', {});
  const brush = s('rect', {
    class: 'brush',
    y: TOP,
    height: height - TOP - BOTTOM,
    visibility: 'hidden',
  });
  const svg = s(
    'svg',
    {
      class: 'plot',
      width,
      height,
      role: 'img',
      'aria-label': `${opts.label || 'Values over time'}: ${series.length} series`,
    },
    marks.map((value) => [
      s('line', { class: 'grid', x1: left, x2: width - RIGHT, y1: y(value), y2: y(value) }),
      s(
        'text',
        { class: 'tick', x: left - 8, y: y(value) + 4, 'text-anchor': 'end' },
        value === 0 ? '0' : format(value),
      ),
    ]),
    timeTicks(range.start, range.end, Math.max(2, Math.floor(width / 110)), utc).map((t) =>
      s(
        'text',
        { class: 'tick', x: x(t), y: height - 6, 'text-anchor': 'middle' },
        formatTick(t, range.end - range.start, utc),
      ),
    ),
    lines,
    cross,
    dots,
    brush,
    exemplars,
  );

  function exemplarMark(px, py, e) {
    return s('path', {
      class: 'exemplar',
      d: `M${px} ${py - 5}l5 5l-5 5l-5 -5z`,
      role: 'link',
      tabindex: '-1',
      'aria-label': `Trace ${e.trace}`,
      onclick: () => opts.onTrace?.(e.trace),
      onmousemove: (event) => {
        event.stopPropagation();
        window_.show(
          event,
          h('b', {}, 'Trace'),
          h('div', { class: 'mono' }, e.trace),
          h('div', { class: 'soft' }, `${format(e.value)} · ${formatTime(e.time, utc)}`),
        );
      },
    });
  }

  function hover(event) {
    const time = timeAt(event.clientX - svg.getBoundingClientRect().left);
    const reach = Math.max(step, (range.end - range.start) / 100);
    const found = [];
    for (const one of series) {
      const at = nearest(one.points, time, reach);
      if (at >= 0 && Number.isFinite(one.points[at][1])) found.push({ one, point: one.points[at] });
    }
    cross.setAttribute('visibility', found.length > 0 ? 'visible' : 'hidden');
    put(dots);
    if (found.length === 0) {
      window_.hide();
      return;
    }
    const when = found[0].point[0];
    cross.setAttribute('x1', x(when));
    cross.setAttribute('x2', x(when));
    for (const { one, point } of found.slice(0, 60))
      dots.append(s('circle', { cx: x(point[0]), cy: y(point[1]), r: 3, fill: one.colour }));
    found.sort((a, b) => b.point[1] - a.point[1]);
    window_.show(
      event,
      h('div', { class: 'soft' }, formatTime(when, utc, 's')),
      found
        .slice(0, SHOWN)
        .map(({ one, point }) =>
          h(
            'div',
            { class: 'row' },
            h('span', { class: 'dot', style: { '--dot': one.colour } }),
            h('span', { class: 'cut' }, one.name),
            h('span', { class: 'num' }, format(point[1])),
          ),
        ),
      found.length > SHOWN && h('div', { class: 'soft' }, `and ${found.length - SHOWN} more`),
    );
  }

  function leave() {
    cross.setAttribute('visibility', 'hidden');
    put(dots);
    window_.hide();
  }

  function drag(event) {
    if (!opts.onZoom || event.button !== 0 || event.target.classList.contains('exemplar')) return;
    const box = svg.getBoundingClientRect();
    const begin = event.clientX - box.left;
    let end = begin;
    svg.setPointerCapture(event.pointerId);
    svg.onpointermove = (move) => {
      end = Math.max(left, Math.min(width - RIGHT, move.clientX - box.left));
      brush.setAttribute('visibility', 'visible');
      brush.setAttribute('x', Math.min(begin, end));
      brush.setAttribute('width', Math.abs(end - begin));
    };
    svg.onpointerup = () => {
      svg.onpointermove = null;
      svg.onpointerup = null;
      brush.setAttribute('visibility', 'hidden');
      if (Math.abs(end - begin) > 6)
        opts.onZoom(
          Math.round(timeAt(Math.min(begin, end))),
          Math.round(timeAt(Math.max(begin, end))),
        );
    };
  }

  svg.addEventListener('mousemove', hover);
  svg.addEventListener('mouseleave', leave);
  svg.addEventListener('pointerdown', drag);
  put(el, svg);
  return window_.hide;
}
