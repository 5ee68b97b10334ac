// A graph of services or operations: cards with a ring of errors, arrows that are as thick as what
// goes along them. Moved with the pointer, made larger with the wheel.

import { colourOf } from './colour.js';
import { h, icon, put, s } from './dom.js';
import { layoutGraph } from './layout.js';
import { tip } from './tip.js';

const CARD = { width: 196, height: 58 };
const RING = 15;
const PAD = 24;
const LABEL = { width: 44, height: 15 };
const LABELLED = 200; // With more edges there is no room for labels.

/** A smooth line through the points, leaving and arriving level. */
export function pathOf(points) {
  let d = `M${points[0].join(' ')}`;
  for (let i = 1; i < points.length; i += 1) {
    const [x0, y0] = points[i - 1];
    const [x1, y1] = points[i];
    const mid = (x0 + x1) / 2;
    d += `C${mid} ${y0} ${mid} ${y1} ${x1} ${y1}`;
  }
  return d;
}

/** The point at part t of the curve that pathOf draws between two points. */
function along([x0, y0], [x1, y1], t) {
  const mid = (x0 + x1) / 2;
  const u = 1 - t;
  return [
    u * u * u * x0 + 3 * u * t * mid + t * t * t * x1,
    y0 + (y1 - y0) * (3 * t * t - 2 * t * t * t),
  ];
}

/** A place on the line where a label hides nothing that is in `taken`, to which it is added; or null. */
export function freePlace(points, taken) {
  for (let i = points.length - 1; i > 0; i -= 1) {
    for (const t of [0.5, 0.62, 0.38, 0.74, 0.26]) {
      const [x, y] = along(points[i - 1], points[i], t);
      const box = { x: x - LABEL.width / 2, y: y - LABEL.height / 2, ...LABEL };
      const hit = taken.some(
        (one) =>
          box.x < one.x + one.width &&
          one.x < box.x + box.width &&
          box.y < one.y + one.height &&
          one.y < box.y + box.height,
      );
      if (hit) continue;
      taken.push(box);
      return [x, y];
    }
  }
  return null;
}

function ring(ratio) {
  const length = 2 * Math.PI * RING;
  const part = Math.max(0, Math.min(1, ratio || 0));
  return [
    s('circle', { class: 'ring', r: RING }),
    part > 0 &&
      s('circle', {
        class: 'ring bad',
        r: RING,
        'stroke-dasharray': `${Math.max(part * length, 3)} ${length}`,
        transform: 'rotate(-90)',
      }),
  ];
}

const cut = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

function card(node, at, opts, window_) {
  const open = () => opts.onOpen?.(node);
  return s(
    'g',
    {
      class: `node${node.peer ? ' peer' : ''}`,
      transform: `translate(${at.x} ${at.y})`,
      tabindex: '0',
      role: 'link',
      'data-node': node.id,
      'aria-label': `${node.title}, ${node.lines.join(', ')}`,
      onclick: open,
      onkeydown: (event) => {
        if (event.key === 'Enter') {
          event.stopPropagation();
          open();
        }
      },
      onmousemove: (event) =>
        window_.show(
          event,
          h('b', {}, node.title),
          (node.facts || []).map(([name, value]) =>
            h(
              'div',
              { class: 'row' },
              h('span', { class: 'soft' }, name),
              h('span', { class: 'num' }, value),
            ),
          ),
        ),
      onmouseleave: window_.hide,
    },
    s('rect', { class: 'card-box', width: CARD.width, height: CARD.height, rx: 10 }),
    s('rect', {
      x: 0,
      y: 12,
      width: 3,
      height: CARD.height - 24,
      rx: 1.5,
      fill: colourOf(node.service ?? node.title),
    }),
    s(
      'g',
      { transform: `translate(${RING + 16} ${CARD.height / 2})` },
      ring(node.errorRatio),
      s('text', { class: 'ring-text', y: 3.5, 'text-anchor': 'middle' }, node.badge || ''),
    ),
    s('text', { class: 'node-title', x: 2 * RING + 28, y: 24 }, cut(node.title, 20)),
    node.lines.map((line, i) =>
      s('text', { class: 'node-line', x: 2 * RING + 28, y: 41 + i * 13 }, cut(line, 26)),
    ),
  );
}

/**
 * Draws into `el`. nodes: [{id, title, service, lines (one), errorRatio, badge, facts, peer}]; edges:
 * [{source, target, weight, label, errorRatio}]; opts: onOpen(node). Returns {fit}.
 */
export function graphView(el, nodes, edges, opts = {}) {
  const made = layoutGraph(
    nodes.map((one) => one.id),
    edges,
    { ...CARD },
  );
  const heaviest = Math.max(...edges.map((one) => one.weight || 0), 1e-9);
  const window_ = tip();
  const scene = s('g', {});
  const labels = s('g', {});
  const taken = [...made.nodes.values()].map(({ x, y }) => ({ x, y, ...CARD }));
  for (const { edge, points } of made.edges) {
    const line = pathOf(points);
    const thick = 1.2 + 3.2 * Math.sqrt((edge.weight || 0) / heaviest);
    const [x, y] = points.at(-1);
    const back = points.length > 1 && x < points[0][0];
    scene.append(
      s(
        'g',
        { class: edge.errorRatio > 0 ? 'edge bad' : 'edge' },
        s('path', { class: 'edge-line', d: line, 'stroke-width': thick }),
        s('path', {
          class: 'edge-hit',
          d: line,
          onmousemove: (event) =>
            window_.show(
              event,
              h('b', {}, `${edge.source} → ${edge.target}`),
              (edge.facts || []).map(([name, value]) =>
                h(
                  'div',
                  { class: 'row' },
                  h('span', { class: 'soft' }, name),
                  h('span', { class: 'num' }, value),
                ),
              ),
            ),
          onmouseleave: window_.hide,
        }),
        s('path', {
          class: 'edge-head',
          d: back ? `M${x} ${y}l9 -4.500v9z` : `M${x} ${y}l-9 -4.500v9z`,
        }),
      ),
    );
    const at = edge.label && edges.length <= LABELLED && freePlace(points, taken);
    if (at)
      labels.append(
        s(
          'text',
          { class: 'edge-label', x: at[0], y: at[1] + 4, 'text-anchor': 'middle' },
          edge.label,
        ),
      );
  }
  scene.append(labels);
  for (const node of nodes) scene.append(card(node, made.nodes.get(node.id), opts, window_));
  const svg = s(
    'svg',
    { class: 'graph', role: 'group', 'aria-label': `${nodes.length} nodes, ${edges.length} edges` },
    scene,
  );
  const zoom = (factor) => move.zoom(factor, svg.clientWidth / 2, svg.clientHeight / 2);
  const button = (name, text, action) =>
    h(
      'button',
      {
        class: 'button small square',
        type: 'button',
        'aria-label': name,
        title: name,
        onclick: action,
      },
      text,
    );
  put(
    el,
    svg,
    h(
      'div',
      { class: 'graph-tools' },
      button('Larger', '+', () => zoom(1.25)),
      button('Smaller', '−', () => zoom(0.8)),
      button('All of it', icon('refresh'), () => move.fit()),
    ),
  );
  const move = movable(svg, scene, made);
  move.fit();
  return move;
}

function movable(svg, scene, size) {
  let scale = 1;
  let x = 0;
  let y = 0;
  const place = () => scene.setAttribute('transform', `translate(${x} ${y}) scale(${scale})`);
  const self = {
    fit() {
      const width = svg.clientWidth || 900;
      const height = svg.clientHeight || 500;
      scale = Math.min(1.15, (width - 2 * PAD) / size.width, (height - 2 * PAD) / size.height);
      scale = Math.max(scale, 0.04);
      x = (width - size.width * scale) / 2;
      y = (height - size.height * scale) / 2;
      place();
    },
    zoom(factor, atX, atY) {
      const next = Math.max(0.04, Math.min(3, scale * factor));
      x = atX - ((atX - x) * next) / scale;
      y = atY - ((atY - y) * next) / scale;
      scale = next;
      place();
    },
  };
  svg.addEventListener(
    'wheel',
    (event) => {
      event.preventDefault();
      const box = svg.getBoundingClientRect();
      self.zoom(
        Math.exp(-event.deltaY * 0.0015),
        event.clientX - box.left,
        event.clientY - box.top,
      );
    },
    { passive: false },
  );
  svg.addEventListener('pointerdown', (event) => {
    if (event.target.closest('.node')) return;
    svg.setPointerCapture(event.pointerId);
    const begin = [event.clientX - x, event.clientY - y];
    svg.onpointermove = (to) => {
      x = to.clientX - begin[0];
      y = to.clientY - begin[1];
      place();
    };
  });
  svg.addEventListener('pointerup', () => {
    svg.onpointermove = null;
  });
  return self;
}
