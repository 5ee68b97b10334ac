// A directed graph in layers, from the left to the right: circles are cut, every node gets the layer
// behind its callers, layers are sorted so that few edges cross, nodes move to where their edges lead.

const SWEEPS = 8;
const LANE = 14; // Between edges that pass a layer side by side.
const MOST_PASSING = 300; // Places where edges pass a layer; with more the graph is laid out loosely.

/** The edges with those that close a circle turned round, each once, without loops. */
function withoutCircles(ids, edges) {
  const out = new Map(ids.map((id) => [id, []]));
  const proper = edges.filter(
    ({ source, target }) => source !== target && out.has(source) && out.has(target),
  );
  for (const { source, target } of proper) out.get(source).push(target);
  const state = new Map();
  const turned = new Set();
  const into = new Map(ids.map((id) => [id, 0]));
  for (const { target } of proper) into.set(target, into.get(target) + 1);
  const starts = [...ids].sort((a, b) => into.get(a) - into.get(b));
  for (const start of starts) {
    if (state.has(start)) continue;
    const stack = [{ id: start, next: 0 }];
    state.set(start, 'open');
    while (stack.length > 0) {
      const top = stack.at(-1);
      const to = out.get(top.id)[top.next];
      top.next += 1;
      if (to === undefined) {
        state.set(top.id, 'done');
        stack.pop();
      } else if (state.get(to) === 'open') turned.add(`${top.id}\n${to}`);
      else if (!state.has(to)) {
        state.set(to, 'open');
        stack.push({ id: to, next: 0 });
      }
    }
  }
  return proper.map((edge) =>
    turned.has(`${edge.source}\n${edge.target}`)
      ? { edge, from: edge.target, to: edge.source, turned: true }
      : { edge, from: edge.source, to: edge.target, turned: false },
  );
}

/** The layer of each node: one more than the highest of those before it. */
export function layersOf(ids, links) {
  const out = new Map(ids.map((id) => [id, []]));
  const waiting = new Map(ids.map((id) => [id, 0]));
  for (const { from, to } of links) {
    out.get(from).push(to);
    waiting.set(to, waiting.get(to) + 1);
  }
  const layer = new Map(ids.map((id) => [id, 0]));
  const ready = ids.filter((id) => waiting.get(id) === 0);
  for (let i = 0; i < ready.length; i += 1) {
    for (const to of out.get(ready[i])) {
      layer.set(to, Math.max(layer.get(to), layer.get(ready[i]) + 1));
      waiting.set(to, waiting.get(to) - 1);
      if (waiting.get(to) === 0) ready.push(to);
    }
  }
  return layer;
}

/** The layer of each node in a graph where nearly everything calls everything: how far it is from the first. */
function distancesOf(ids, links) {
  const entered = new Set(links.map((link) => link.to));
  const first = ids.filter((id) => !entered.has(id));
  const layer = new Map((first.length > 0 ? first : ids.slice(0, 1)).map((id) => [id, 0]));
  const reached = [...layer.keys()];
  for (let i = 0; i < reached.length; i += 1) {
    for (const { from, to } of links) {
      if (from !== reached[i] || layer.has(to)) continue;
      layer.set(to, layer.get(from) + 1);
      reached.push(to);
    }
  }
  return layer;
}

/** Nodes and the places that long edges pass through, by layer, with their neighbours. */
function places(ids, links, layer, loose) {
  const layers = [];
  const byId = new Map();
  const place = (id, at, real) => {
    const made = { id, layer: at, real, before: [], after: [], y: 0 };
    (layers[at] ||= []).push(made);
    byId.set(id, made);
    return made;
  };
  for (const id of ids) place(id, layer.get(id), true);
  links.forEach((link, i) => {
    link.chain = [byId.get(link.from)];
    for (let at = layer.get(link.from) + 1; !loose && at < layer.get(link.to); at += 1)
      link.chain.push(place(`\n${i}:${at}`, at, false));
    link.chain.push(byId.get(link.to));
    for (let k = 1; layer.get(link.from) < layer.get(link.to) && k < link.chain.length; k += 1) {
      link.chain[k - 1].after.push(link.chain[k]);
      link.chain[k].before.push(link.chain[k - 1]);
    }
  });
  return layers;
}

const mean = (numbers) => numbers.reduce((sum, one) => sum + one, 0) / numbers.length;

function order(layers) {
  const number = (layer) =>
    layer.forEach((one, i) => {
      one.order = i;
    });
  layers.forEach(number);
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    const down = sweep % 2 === 0;
    for (const layer of down ? layers : [...layers].reverse()) {
      for (const one of layer) {
        const side = down ? one.before : one.after;
        one.weight = side.length > 0 ? mean(side.map((other) => other.order)) : one.order;
      }
      layer.sort((a, b) => a.weight - b.weight || a.order - b.order);
      number(layer);
    }
  }
}

function settle(layers, gap) {
  const need = (a, b) => (a.real && b.real ? gap : a.real || b.real ? gap * 0.6 : LANE);
  for (const layer of layers) {
    let y = 0;
    layer.forEach((one, i) => {
      if (i > 0) y += need(layer[i - 1], one);
      one.y = y;
    });
    layer.forEach((one) => {
      one.y -= y / 2;
    });
  }
  for (let sweep = 0; sweep < 2 * SWEEPS; sweep += 1) {
    for (const layer of sweep % 2 === 0 ? layers : [...layers].reverse()) {
      for (const one of layer) {
        const sides = [...one.before, ...one.after];
        one.wish = sides.length > 0 ? mean(sides.map((other) => other.y)) : one.y;
      }
      // Down as far as needed, then all by as much back as that has pushed them on the whole.
      let lowest = -Infinity;
      layer.forEach((one, i) => {
        lowest = i > 0 ? Math.max(one.wish, lowest + need(layer[i - 1], one)) : one.wish;
        one.y = lowest;
      });
      const shift = mean(layer.map((one) => one.wish - one.y));
      for (const one of layer) one.y += shift;
    }
  }
}

/**
 * ids: unique texts; edges: [{source, target}]; opts: width and height of a node, gapX, gapY.
 * Returns {nodes: Map(id -> {x, y}: the upper left corner), edges: [{edge, points: [[x, y], ...]}]
 * from the right side of the source to the left side of the target, width, height}.
 */
export function layoutGraph(ids, edges, { width, height, gapX = 90, gapY = 24 }) {
  const links = withoutCircles(ids, edges);
  let layer = layersOf(ids, links);
  const passing = links.reduce((sum, { from, to }) => sum + layer.get(to) - layer.get(from) - 1, 0);
  const loose = passing > MOST_PASSING;
  if (loose) layer = distancesOf(ids, links);
  const layers = places(ids, links, layer, loose);
  order(layers);
  settle(layers, height + gapY);
  const all = layers.flat();
  const top = Math.min(0, ...all.map((one) => one.y));
  const nodes = new Map();
  for (const one of all) {
    one.x = one.layer * (width + gapX);
    one.y -= top;
    if (one.real) nodes.set(one.id, { x: one.x, y: one.y });
  }
  const routed = links.map(({ edge, chain, turned }) => {
    const points = chain.flatMap((one, i) => {
      const y = one.y + height / 2;
      if (!one.real)
        return [
          [one.x, y],
          [one.x + width, y],
        ];
      return i === 0 ? [[one.x + width, y]] : [[one.x, y]];
    });
    return { edge, points: turned ? points.reverse() : points, turned };
  });
  return {
    nodes,
    edges: routed,
    width: layers.length * (width + gapX) - gapX,
    height: Math.max(height, ...all.map((one) => one.y + height)),
  };
}
