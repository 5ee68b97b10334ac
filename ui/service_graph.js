// Who calls whom, of all traces of a range, and the figures of each service.

import { getJson, secondsOf } from './api.js';
import { formatDuration, formatNumber, formatPercent, formatRate } from './format.js';

/** {nodes: [{id, name, peer, kind, rate, errorRatio, p95 (ns or NaN), calls, errors}], edges}. */
export async function serviceGraph(range, signal) {
  const answer = await getJson(
    'api/service_graph',
    {
      ...secondsOf(range),
    },
    signal,
  );
  return {
    nodes: (answer.nodes || []).map((node) => ({
      id: node.name,
      name: node.name,
      peer: node.type !== 'service',
      kind: node.kind || '',
      calls: node.calls,
      errors: node.errors,
      rate: node.rate,
      errorRatio: node.errorRatio,
      p95: node.p95Ms === null || node.p95Ms === undefined ? NaN : node.p95Ms * 1e6,
    })),
    edges: answer.edges || [],
  };
}

/** What graphView draws. */
export function cardsOf({ nodes, edges }) {
  return {
    nodes: nodes.map((node) => ({
      id: node.id,
      title: node.name,
      service: node.name,
      peer: node.peer,
      errorRatio: node.errorRatio,
      badge: node.errorRatio > 0 ? shortPercent(node.errorRatio) : '',
      lines: [
        [
          formatRate(node.rate),
          Number.isFinite(node.p95) ? `p95 ${formatDuration(node.p95)}` : node.kind,
        ]
          .filter(Boolean)
          .join(' · '),
      ],
      facts: [
        ['Calls', formatNumber(node.calls)],
        ['Rate', formatRate(node.rate)],
        ['Errors', formatPercent(node.errorRatio)],
        ['p95', formatDuration(node.p95)],
        ...(node.peer ? [['Sends no spans', node.kind || 'seen by its callers']] : []),
      ],
    })),
    edges: edges.map((edge) => ({
      ...edge,
      weight: edge.rate,
      label: formatRate(edge.rate),
      facts: [
        ['Calls', formatNumber(edge.calls)],
        ['Rate', formatRate(edge.rate)],
        ['Errors', formatPercent(edge.errorRatio)],
      ],
    })),
  };
}

const shortPercent = (ratio) =>
  ratio >= 0.0995 ? `${Math.round(ratio * 100)}%` : `${Math.max(0.1, ratio * 100).toFixed(1)}%`;
