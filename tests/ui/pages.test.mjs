// What pages make of answers and addresses.

import assert from 'node:assert/strict';
import test from 'node:test';
import { tracesOf } from '../../ui/active_alerts.js';
import { COLOURS, colourIndex, hashOf } from '../../ui/colour.js';
import { cellsOf } from '../../ui/heatmap.js';
import { parseMetrics, sumOf } from '../../ui/metrics_text.js';
import { placed, sampleText, seriesName } from '../../ui/metrics_page.js';
import { cleanWindow } from '../../ui/minimap.js';
import { extent, nearest, pieces } from '../../ui/plot.js';
import { addressOf, parseAddress } from '../../ui/router.js';
import { logTicks } from '../../ui/scatter.js';
import { foundTrace } from '../../ui/found_trace.js';
import { operationsOf, narrowed, quantileLines, ratesOf } from '../../ui/service_data.js';
import { cardsOf } from '../../ui/service_graph.js';
import { literalOf } from '../../ui/span_detail.js';
import { partsOf } from '../../ui/status_page.js';

test('addresses name pages and come back', () => {
  assert.deepEqual(parseAddress('/ui/trace/0af7', '?span=1', '/'), {
    page: 'trace',
    argument: '0af7',
    params: { span: '1' },
  });
  assert.equal(parseAddress('/ui/', '', '/').page, 'search');
  assert.equal(parseAddress('/ui/nothing', '', '/').page, 'search');
  assert.equal(parseAddress('/ui/toString', '', '/').page, 'search');
  assert.equal(parseAddress('/prefix/ui/alerts', '', '/prefix/').page, 'alerts');
  assert.equal(parseAddress('/ui/service/a%2Fb%25', '', '/').argument, 'a/b%');
  assert.equal(parseAddress('/ui/service/%', '', '/').argument, '%');
  const address = addressOf('service', 'a/b ?', { q: '{ }', from: '', to: undefined }, '/p/');
  assert.equal(address, '/p/ui/service/a%2Fb%20%3F?q=%7B+%7D');
});

test('links of Prometheus open their expression', () => {
  assert.deepEqual(parseAddress('/ui/metrics', '?g0.expr=up+%3E+1&g0.tab=1', '/').params, {
    expr: 'up > 1',
    tab: 'table',
  });
  assert.deepEqual(
    parseAddress('/ui/metrics', '?g0.expr=up&g0.tab=0&g0.range_input=6h', '/').params,
    { expr: 'up', tab: 'graph', from: 'now-6h' },
  );
});

test('colours are stable and spread', () => {
  assert.equal(hashOf('frontend'), hashOf('frontend'));
  const seen = new Set(Array.from({ length: 400 }, (_, i) => colourIndex(`service-${i}`)));
  assert.equal(seen.size, COLOURS);
  const shop = ['frontend', 'cart', 'checkout', 'payment', 'shipping', 'email', 'currency'];
  assert.equal(new Set(shop.map(colourIndex)).size, shop.length);
});

test('a found trace has its sums', () => {
  const one = foundTrace({
    traceID: 'a1',
    rootServiceName: '<root span not yet received>',
    startTimeUnixNano: '1700000000000000000',
    spanSets: [{ matched: 3, spans: [{ durationNanos: '700' }] }],
    serviceStats: { x: { spanCount: 2, errorCount: 1 }, y: { spanCount: 5 } },
  });
  assert.equal(one.id, `${'0'.repeat(30)}a1`);
  assert.deepEqual(
    [one.service, one.spans, one.errors, one.matched, one.duration],
    ['', 7, 1, 3, 700],
  );
});

test('lines are cut where values are missing', () => {
  const points = [
    [0, 1],
    [10, 2],
    [40, 3],
    [50, NaN],
    [60, 4],
  ];
  assert.deepEqual(
    pieces(points, 10).map((piece) => piece.length),
    [2, 1, 1],
  );
  assert.deepEqual(pieces([], 10), []);
  assert.deepEqual(
    extent([
      {
        points: [
          [0, 5],
          [1, 5],
        ],
      },
    ]),
    [0, 5.5],
  );
  assert.deepEqual(extent([]), [0, 1]);
  assert.equal(
    extent([
      {
        points: [
          [0, 90],
          [1, 100],
        ],
      },
    ])[0],
    90,
  );
  assert.equal(
    extent(
      [
        {
          points: [
            [0, 90],
            [1, 100],
          ],
        },
      ],
      true,
    )[0],
    0,
  );
  assert.equal(
    extent([
      {
        points: [
          [0, 10],
          [1, 100],
        ],
      },
    ])[0],
    0,
  );
  assert.equal(
    nearest(
      [
        [0, 1],
        [10, 1],
        [20, 1],
      ],
      14,
      5,
    ),
    1,
  );
  assert.equal(nearest([[0, 1]], 14, 5), -1);
  assert.deepEqual(logTicks(1, 1000), [1, 10, 100, 1000]);
});

test('series are named as PromQL writes them', () => {
  assert.equal(seriesName({ __name__: 'up', job: 'a"b' }), 'up{job="a\\"b"}');
  assert.equal(seriesName({ __name__: 'up' }), 'up');
  assert.equal(seriesName({}), '{}');
  assert.equal(sampleText({ histogram: [1, { count: '4', sum: '2' }] }), 'count 4, sum 2');
  assert.deepEqual(
    placed([{ value: 9 }, { value: 1 }], [{ points: [[0, 5]] }]).map((e) => e.value),
    [5, 1],
  );
});

test('buckets become cells', () => {
  const cells = cellsOf([
    {
      labels: { __bucket: '0.002' },
      points: [
        [60e3, 3],
        [120e3, 0],
      ],
    },
    { labels: { __bucket: 'x' }, points: [[60e3, 1]] },
  ]);
  assert.deepEqual(cells, [{ start: 0, end: 60e3, low: 1e6, high: 2e6, count: 3 }]);
});

test('windows of the minimap are sorted, inside and not empty', () => {
  assert.deepEqual(cleanWindow(0.7, 0.2), [0.2, 0.7]);
  assert.deepEqual(cleanWindow(-1, 2), [0, 1]);
  const [from, to] = cleanWindow(1, 1);
  assert.ok(from < to && to <= 1);
});

test('texts of the server are read', () => {
  const metrics = parseMetrics('# HELP a b\na{x="1,\\"}"} 2\na{x="2"} 3e1 # {t="x"} 1\nb 4\n');
  assert.equal(sumOf(metrics, 'a'), 32);
  assert.equal(metrics.get('a')[0].labels.x, '1,"}');
  assert.ok(Number.isNaN(sumOf(metrics, 'c')));
  assert.deepEqual(partsOf('service name  status  failure case\nserver        Running\n'), [
    { name: 'server', state: 'Running' },
  ]);
  assert.deepEqual(tracesOf({ traces: '0af7651916cd43dd8448eb211c80319c, <img>,' }), [
    '0af7651916cd43dd8448eb211c80319c',
  ]);
  assert.equal(literalOf({ stringValue: 'a"b' }), '"a\\"b"');
  assert.equal(literalOf({ arrayValue: {} }), '');
});

test('the map tells rate, errors and duration', () => {
  const { nodes, edges } = cardsOf({
    nodes: [
      {
        id: 'a',
        name: 'a',
        peer: false,
        kind: '',
        calls: 10,
        errors: 1,
        rate: 2,
        errorRatio: 0.1,
        p95: 12e6,
      },
    ],
    edges: [{ source: 'a', target: 'b', calls: 5, rate: 1, errorRatio: 0 }],
  });
  assert.deepEqual([nodes[0].badge, nodes[0].lines[0]], ['10%', '2/s · p95 12 ms']);
  assert.equal(edges[0].label, '1/s');
});

test('rates, ratios and quantiles of a service', () => {
  const calls = [
    {
      labels: { status: 'unset' },
      points: [
        [10, 3],
        [20, 0],
        [30, 9],
      ],
    },
    {
      labels: { status: 'error' },
      points: [
        [10, 1],
        [20, 0],
        [30, 1],
      ],
    },
  ];
  const { all, failed } = ratesOf(calls, 25);
  assert.deepEqual(all, [
    [10, 4],
    [20, 0],
  ]);
  assert.deepEqual(failed, [[10, 0.25]]);
  const lines = quantileLines(
    [
      {
        labels: { p: '0.95' },
        points: [
          [10, 2],
          [30, 3],
        ],
        exemplars: [{ time: 10, value: 1, trace: 'a' }],
      },
      { labels: { p: '0.5' }, points: [[10, 0]], exemplars: [] },
    ],
    25,
  );
  assert.deepEqual(
    lines.map((line) => line.name),
    ['p50', 'p95'],
  );
  assert.deepEqual(
    [lines[1].points, lines[1].exemplars[0].value, lines[0].points],
    [[[10, 2e9]], 1e9, []],
  );
  assert.deepEqual(
    operationsOf(
      [{ labels: { name: 'x' }, value: 20 }],
      [],
      [{ labels: { name: 'x' }, value: 5 }],
      10,
    ),
    [{ name: 'x', rate: 2, errorRatio: 0.25, p95: NaN }],
  );
  assert.equal(narrowed('{ a = 1 }', 'b = 2'), '{ a = 1 && b = 2 }');
  assert.equal(narrowed('{ a = 1 }', 'b = "$$x $&"'), '{ a = 1 && b = "$$x $&" }');
});
