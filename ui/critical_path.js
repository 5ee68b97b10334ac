// What a trace was waiting for: from the end of its root backwards, always along the child that
// ended last. Shortening anything that is not on it would not have made the trace shorter.

/**
 * Segments of a model's first root: a Map from the span's index to [[from, to], ...] in nanoseconds
 * since the trace began. Every moment of the root is in exactly one segment.
 */
export function criticalPath(model) {
  const segments = new Map();
  const add = (span, from, to) => {
    if (to <= from) return;
    if (!segments.has(span.index)) segments.set(span.index, []);
    segments.get(span.index).push([from, to]);
  };
  if (model.spans.length === 0) return segments;
  const root = model.spans[0];
  const waiting = [{ span: root, end: root.start + root.duration }];
  while (waiting.length > 0) {
    const { span, end } = waiting.pop();
    const children = span.children
      .map((child) => ({ child, end: Math.min(child.start + child.duration, end) }))
      .filter((one) => one.child.start < one.end && one.child.start >= span.start)
      .sort((a, b) => b.end - a.end);
    let cursor = end;
    for (const one of children) {
      if (one.end > cursor) continue;
      add(span, one.end, cursor);
      waiting.push({ span: one.child, end: one.end });
      cursor = one.child.start;
    }
    add(span, span.start, cursor);
  }
  return segments;
}
