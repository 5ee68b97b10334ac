// The services, or the operations, of one trace and who called whom.

import { formatCount, formatDuration } from './format.js';
import { graphView } from './graph_view.js';
import { callsOf } from './trace_sums.js';

const MANY = 60;

/** opts: onOpen({service, name}). Returns what graphView returns. */
export function traceGraph(el, model, opts) {
  const operations = callsOf(model.spans, true);
  const byOperation = operations.nodes.length <= MANY;
  const { nodes, edges } = byOperation ? operations : callsOf(model.spans, false);
  const shown = nodes.map((node) => ({
    id: node.id,
    service: node.service,
    name: node.name,
    title: byOperation ? node.name || 'without a name' : node.service,
    lines: [`${byOperation ? `${node.service} · ` : ''}${formatDuration(node.self)}`],
    errorRatio: node.errors / node.spans,
    badge: node.spans > 999 ? '1k+' : String(node.spans),
    facts: [
      ['Service', node.service],
      ['Spans', formatCount(node.spans)],
      ['Errors', formatCount(node.errors)],
      ['Own time', formatDuration(node.self)],
    ],
  }));
  const lines = edges.map((edge) => ({
    ...edge,
    weight: edge.calls,
    label: edge.calls > 1 ? `${formatCount(edge.calls)}×` : '',
    errorRatio: edge.errors / edge.calls,
    facts: [
      ['Calls', formatCount(edge.calls)],
      ['Errors', formatCount(edge.errors)],
    ],
  }));
  return graphView(el, shown, lines, opts);
}
