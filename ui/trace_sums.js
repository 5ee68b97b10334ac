// Sums over the spans of a trace: by operation, by call, by path.

/** Operations: [{service, name, spans, errors, total, self, longest}], most own time first. */
export function operationsOf(spans) {
  const found = new Map();
  for (const span of spans) {
    const key = `${span.service}\n${span.name}`;
    if (!found.has(key))
      found.set(key, {
        key,
        service: span.service,
        name: span.name,
        spans: 0,
        errors: 0,
        total: 0,
        self: 0,
        longest: 0,
        first: span.index,
      });
    const one = found.get(key);
    one.spans += 1;
    one.errors += span.failed ? 1 : 0;
    one.total += span.duration;
    one.self += span.self;
    one.longest = Math.max(one.longest, span.duration);
  }
  return [...found.values()].sort((a, b) => b.self - a.self || (a.key < b.key ? -1 : 1));
}

/**
 * Who calls whom: {nodes: [{id, service, name, spans, errors, self}], edges: [{source, target, calls,
 * errors}]}; nodes are services, or operations with `byOperation`. Calls inside of a node are left out.
 */
export function callsOf(spans, byOperation) {
  const id = (span) => (byOperation ? `${span.service}\n${span.name}` : span.service);
  const nodes = new Map();
  const edges = new Map();
  for (const span of spans) {
    const own = id(span);
    if (!nodes.has(own))
      nodes.set(own, {
        id: own,
        service: span.service,
        name: byOperation ? span.name : '',
        spans: 0,
        errors: 0,
        self: 0,
      });
    const node = nodes.get(own);
    node.spans += 1;
    node.errors += span.failed ? 1 : 0;
    node.self += span.self;
    if (!span.parent || id(span.parent) === own) continue;
    const key = `${id(span.parent)}\n\n${own}`;
    if (!edges.has(key))
      edges.set(key, { source: id(span.parent), target: own, calls: 0, errors: 0 });
    const edge = edges.get(key);
    edge.calls += 1;
    edge.errors += span.failed ? 1 : 0;
  }
  return { nodes: [...nodes.values()], edges: [...edges.values()] };
}

/**
 * Spans with the same path of operations from the root put together: a tree of {service, name, spans,
 * errors, self, value, children (a Map)}, where value is self and the values of all below.
 */
export function flameTree(spans) {
  const root = {
    service: '',
    name: 'all',
    spans: 0,
    errors: 0,
    self: 0,
    value: 0,
    children: new Map(),
    depth: -1,
  };
  const nodeOf = new Array(spans.length);
  for (const span of spans) {
    const parent = span.parent ? nodeOf[span.parent.index] : root;
    const key = `${span.service}\n${span.name}`;
    let node = parent.children.get(key);
    if (!node) {
      node = {
        service: span.service,
        name: span.name,
        spans: 0,
        errors: 0,
        self: 0,
        value: 0,
        children: new Map(),
        parent,
        depth: parent.depth + 1,
      };
      parent.children.set(key, node);
    }
    nodeOf[span.index] = node;
    node.spans += 1;
    node.errors += span.failed ? 1 : 0;
    node.self += span.self;
  }
  const all = [root];
  for (let i = 0; i < all.length; i += 1) {
    for (const child of all[i].children.values()) all.push(child);
  }
  for (let i = all.length - 1; i >= 0; i -= 1) {
    all[i].value += all[i].self;
    if (all[i].parent) all[i].parent.value += all[i].value;
  }
  return root;
}
