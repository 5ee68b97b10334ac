// Where the time of a trace was spent: own time of operations by the path that led to them.

import { colourOf } from './colour.js';
import { h, put } from './dom.js';
import { formatCount, formatDuration, formatPercent } from './format.js';
import { tip } from './tip.js';
import { flameTree } from './trace_sums.js';

const ROW = 24;
const NARROWEST = 0.0012; // Of the width: what is narrower is not drawn.
const DEEPEST = 120; // What is called from deeper is seen by choosing what calls it.

/** The boxes of a tree below `top`: [{node, x, width (parts of the width), depth}]. */
export function flameBoxes(top) {
  const boxes = [];
  const waiting = [{ node: top, x: 0, depth: 0 }];
  while (waiting.length > 0) {
    const { node, x, depth } = waiting.pop();
    const width = node.value / Math.max(top.value, 1);
    if (width < NARROWEST || depth > DEEPEST) continue;
    boxes.push({ node, x, width, depth });
    let at = x;
    for (const child of [...node.children.values()].sort((a, b) => b.value - a.value)) {
      waiting.push({ node: child, x: at, depth: depth + 1 });
      at += child.value / Math.max(top.value, 1);
    }
  }
  return boxes;
}

export function flame(el, model) {
  const root = flameTree(model.spans);
  const whole = root.value;
  const window_ = tip();
  let top = root;

  function box({ node, x, width, depth }) {
    const name = node === root ? 'All spans' : node.name;
    const open = () => {
      top = node === top && node.parent ? node.parent : node;
      draw();
    };
    return h(
      'button',
      {
        class: 'flame-box',
        type: 'button',
        'aria-label': `${node.service} ${name}, ${formatDuration(node.value)}`,
        style: {
          left: `${100 * x}%`,
          width: `${100 * width}%`,
          top: `${depth * ROW}px`,
          '--bar': node === root ? 'var(--line-strong)' : colourOf(node.service),
        },
        onclick: open,
        onmousemove: (event) =>
          window_.show(
            event,
            h('b', {}, name),
            h('div', { class: 'soft' }, node.service),
            [
              ['Own time', `${formatDuration(node.self)} · ${formatPercent(node.self / whole)}`],
              [
                'With what it called',
                `${formatDuration(node.value)} · ${formatPercent(node.value / whole)}`,
              ],
              ['Spans', formatCount(node === root ? model.spans.length : node.spans)],
              ['Errors', formatCount(node.errors)],
            ].map(([key, value]) =>
              h(
                'div',
                { class: 'row' },
                h('span', { class: 'soft' }, key),
                h('span', { class: 'num' }, value),
              ),
            ),
          ),
        onmouseleave: window_.hide,
      },
      width > 0.02 && name,
    );
  }

  function draw() {
    window_.hide();
    const boxes = flameBoxes(top);
    const depth = Math.max(...boxes.map((one) => one.depth), 0);
    put(
      el,
      h(
        'div',
        { class: 'row flame-head' },
        h('span', { class: 'soft' }, 'Own time, summed by path. Spans side by side count each.'),
        h('div', { class: 'grow' }),
        top !== root &&
          h(
            'button',
            {
              class: 'button small',
              type: 'button',
              onclick: () => {
                top = root;
                draw();
              },
            },
            'Show all',
          ),
      ),
      h('div', { class: 'flame', style: { height: `${(depth + 1) * ROW}px` } }, boxes.map(box)),
    );
  }

  draw();
  return window_.hide;
}
