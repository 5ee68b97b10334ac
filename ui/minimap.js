// The whole trace, small; a window on it is drawn with the pointer.

import { colourIndex, COLOURS, resolveColour } from './colour.js';
import { h, put } from './dom.js';

export const HEIGHT = 64;
const SMALLEST = 1e-5; // Of the trace: a window is not narrower.

/** A window of fractions, sorted, inside [0, 1] and not too narrow. */
export function cleanWindow(a, b) {
  const from = Math.max(0, Math.min(a, b, 1 - SMALLEST));
  return [from, Math.min(1, Math.max(a, b, from + SMALLEST))];
}

/** Draws into `el`; `onWindow(from, to)` in parts of the trace, (0, 1) for all. Returns {setWindow, resize}. */
export function minimap(el, model, onWindow) {
  const canvas = h('canvas', { class: 'mini-canvas', 'aria-hidden': 'true' });
  const before = h('div', { class: 'mini-shade' });
  const after = h('div', { class: 'mini-shade' });
  const left = h('div', {
    class: 'mini-handle',
    role: 'slider',
    tabindex: '0',
    'aria-label': 'Begin of the window',
    'aria-valuemin': '0',
    'aria-valuemax': '100',
  });
  const right = h('div', {
    class: 'mini-handle',
    role: 'slider',
    tabindex: '0',
    'aria-label': 'End of the window',
    'aria-valuemin': '0',
    'aria-valuemax': '100',
  });
  let window_ = [0, 1];
  put(el, canvas, before, after, left, right);

  function draw() {
    const width = el.clientWidth || 600;
    const ratio = devicePixelRatio || 1;
    canvas.width = width * ratio;
    canvas.height = HEIGHT * ratio;
    const pen = canvas.getContext('2d');
    pen.scale(ratio, ratio);
    const colours = Array.from({ length: COLOURS }, (_, i) => resolveColour(`var(--s${i})`));
    const bad = resolveColour('var(--bad)');
    const cache = new Map();
    const { spans, duration } = model;
    const each = (HEIGHT - 8) / spans.length;
    const thick = Math.max(1, Math.min(3, each));
    for (const span of spans) {
      if (!cache.has(span.service)) cache.set(span.service, colours[colourIndex(span.service)]);
      pen.fillStyle = span.failed ? bad : cache.get(span.service);
      pen.fillRect(
        (width * span.start) / duration,
        4 + span.index * each,
        Math.max(1, (width * span.duration) / duration),
        thick,
      );
    }
  }

  function place() {
    const [a, b] = window_.map((part) => 100 * part);
    before.style.width = `${a}%`;
    after.style.left = `${b}%`;
    after.style.right = '0';
    left.style.left = `${a}%`;
    right.style.left = `${b}%`;
    left.setAttribute('aria-valuenow', a.toFixed(0));
    right.setAttribute('aria-valuenow', b.toFixed(0));
  }

  function change(a, b) {
    window_ = cleanWindow(a, b);
    place();
    onWindow(...window_);
  }

  const at = (event) => {
    const box = el.getBoundingClientRect();
    return Math.max(0, Math.min(1, (event.clientX - box.left) / box.width));
  };
  el.addEventListener('pointerdown', (event) => {
    event.preventDefault();
    el.setPointerCapture(event.pointerId);
    const begin = at(event);
    const fixed = event.target === left ? window_[1] : event.target === right ? window_[0] : begin;
    el.onpointermove = (move) => {
      if (event.target !== canvas || Math.abs(at(move) - begin) > 0.004) change(fixed, at(move));
    };
  });
  el.addEventListener('pointerup', () => {
    el.onpointermove = null;
  });
  el.addEventListener('dblclick', () => change(0, 1));
  for (const [handle, which] of [
    [left, 0],
    [right, 1],
  ]) {
    handle.addEventListener('keydown', (event) => {
      const step = { ArrowLeft: -0.01, ArrowRight: 0.01 }[event.key];
      if (!step) return;
      event.preventDefault();
      event.stopPropagation();
      change(
        which === 0 ? window_[0] + step : window_[0],
        which === 1 ? window_[1] + step : window_[1],
      );
    });
  }
  draw();
  place();
  return {
    resize: draw,
    setWindow(a, b) {
      window_ = cleanWindow(a, b);
      place();
    },
  };
}
