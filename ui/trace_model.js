// A trace as the views need it: spans in the order of their tree, with times relative to its begin.
// Nothing is believed of what was sent: parents may be missing, ids may repeat, parents may form a
// circle, children may outlive their parents.

const KIND = /^SPAN_KIND_/;

/** Ids come as base64 or as hex; hex goes out. */
export function hexId(id) {
  if (!id) return '';
  if (/^[0-9a-fA-F]+$/.test(id) && (id.length === 16 || id.length === 32)) return id.toLowerCase();
  try {
    return [...atob(id)].map((c) => c.charCodeAt(0).toString(16).padStart(2, '0')).join('');
  } catch {
    return id;
  }
}

/** An OTLP value as people read it. */
export function valueOf(any) {
  if (!any) return '';
  if (any.stringValue !== undefined) return any.stringValue;
  if (any.intValue !== undefined) return String(any.intValue);
  if (any.doubleValue !== undefined) return String(any.doubleValue);
  if (any.boolValue !== undefined) return String(any.boolValue);
  if (any.arrayValue) return `[${(any.arrayValue.values || []).map(valueOf).join(', ')}]`;
  if (any.kvlistValue)
    return `{${(any.kvlistValue.values || []).map((kv) => `${kv.key}: ${valueOf(kv.value)}`).join(', ')}}`;
  return any.bytesValue !== undefined ? `base64 ${any.bytesValue}` : '';
}

export const attributesOf = (list) =>
  (list || []).map(({ key, value }) => ({ key, value: valueOf(value), raw: value }));

/** What stands for the service of spans that name none. */
const NO_SERVICE = 'unknown';

function serviceOf(resource) {
  const found = (resource?.attributes || []).find((one) => one.key === 'service.name');
  return found ? valueOf(found.value) : NO_SERVICE;
}

/** The query that finds spans of the same operation as this one. */
export function spansLike({ service, name }) {
  const of = service === NO_SERVICE ? 'nil' : JSON.stringify(service);
  return `{ resource.service.name = ${of} && name = ${JSON.stringify(name)} }`;
}

function readSpans(trace) {
  const spans = [];
  for (const resourceSpans of trace.resourceSpans || trace.batches || []) {
    const resource = resourceSpans.resource || {};
    const service = serviceOf(resource);
    for (const scopeSpans of resourceSpans.scopeSpans || []) {
      for (const raw of scopeSpans.spans || []) {
        const start = BigInt(raw.startTimeUnixNano || 0);
        const end = BigInt(raw.endTimeUnixNano || 0);
        spans.push({
          id: hexId(raw.spanId),
          parentId: hexId(raw.parentSpanId),
          service,
          resource,
          scope: scopeSpans.scope || {},
          raw,
          name: raw.name || '',
          kind: String(raw.kind || '')
            .replace(KIND, '')
            .toLowerCase(),
          startNanos: start,
          duration: end > start ? Number(end - start) : 0,
          failed: raw.status?.code === 'STATUS_CODE_ERROR' || raw.status?.code === 2,
          statusMessage: raw.status?.message || '',
          parent: null,
          children: [],
          index: -1,
          depth: 0,
        });
      }
    }
  }
  return spans;
}

const byStart = (a, b) => a.start - b.start || b.duration - a.duration || (a.id < b.id ? -1 : 1);

/** Appends the spans at and below `roots` in the order of the tree; sets index and depth. */
function inOrder(roots, order) {
  const stack = [...roots].reverse();
  while (stack.length > 0) {
    const span = stack.pop();
    span.index = order.length;
    span.depth = span.parent ? span.parent.depth + 1 : 0;
    order.push(span);
    if (span.children.length > 1) span.children.sort(byStart);
    for (let i = span.children.length - 1; i >= 0; i -= 1) stack.push(span.children[i]);
  }
}

/** Sets after: the index behind the last span below. */
function closeSubtrees(order) {
  for (const span of order) span.after = span.index + 1;
  for (let i = order.length - 1; i >= 0; i -= 1) {
    const { parent, after } = order[i];
    if (parent && parent.after < after) parent.after = after;
  }
}

/** What of [span.start, span.end] no child covers, in nanoseconds. `children` are sorted by start. */
export function selfTime(span) {
  let covered = 0;
  let reached = span.start;
  const end = span.start + span.duration;
  for (const child of span.children) {
    const from = Math.max(child.start, reached);
    const to = Math.min(child.start + child.duration, end);
    if (to > from) {
      covered += to - from;
      reached = to;
    }
  }
  return span.duration - covered;
}

/**
 * `answer` is that of /api/v2/traces/{id}. Returns {spans (in the order of the tree), startMs,
 * duration (ns), services, errors, orphans (spans whose parent is not there)}.
 */
export function traceModel(answer) {
  const spans = readSpans(answer.trace || answer);
  if (spans.length === 0)
    return { spans, startMs: 0, duration: 0, services: [], errors: 0, orphans: 0 };
  let first = spans[0].startNanos;
  for (const span of spans) if (span.startNanos < first) first = span.startNanos;
  const byId = new Map();
  for (const span of spans) {
    span.start = Number(span.startNanos - first);
    if (!byId.has(span.id)) byId.set(span.id, span);
  }
  const roots = [];
  let orphans = 0;
  for (const span of spans) {
    const parent = byId.get(span.parentId);
    if (parent && parent !== span) {
      span.parent = parent;
      parent.children.push(span);
    } else {
      span.orphan = span.parentId !== '' && parent === undefined;
      orphans += span.orphan ? 1 : 0;
      roots.push(span);
    }
  }
  const order = [];
  inOrder(roots.sort(byStart), order);
  // What is left hangs in circles: each is opened at its earliest span.
  for (const span of order.length < spans.length ? [...spans].sort(byStart) : []) {
    if (span.index >= 0) continue;
    span.parent.children = span.parent.children.filter((child) => child !== span);
    span.parent = null;
    inOrder([span], order);
  }
  closeSubtrees(order);
  let duration = 1;
  for (const span of order) {
    duration = Math.max(duration, span.start + span.duration);
    span.self = selfTime(span);
  }
  return {
    spans: order,
    startMs: Number(first) / 1e6,
    duration,
    services: servicesOf(order),
    errors: order.filter((one) => one.failed).length,
    orphans,
  };
}

function servicesOf(spans) {
  const found = new Map();
  for (const span of spans) {
    if (!found.has(span.service))
      found.set(span.service, { name: span.service, spans: 0, errors: 0, self: 0 });
    const one = found.get(span.service);
    one.spans += 1;
    one.errors += span.failed ? 1 : 0;
    one.self += span.self;
  }
  return [...found.values()].sort((a, b) => b.self - a.self || (a.name < b.name ? -1 : 1));
}
