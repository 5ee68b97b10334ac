import assert from 'node:assert/strict';
import test from 'node:test';
import { criticalPath } from '../../ui/critical_path.js';
import { flameBoxes } from '../../ui/flame.js';
import { matchesOf } from '../../ui/span_filter.js';
import { hexId, traceModel, valueOf } from '../../ui/trace_model.js';
import { callsOf, flameTree, operationsOf } from '../../ui/trace_sums.js';
import { changesOf } from '../../ui/trace_compare.js';
import { visibleRows } from '../../ui/waterfall.js';

const BEGIN = 1_700_000_000_000_000_000n;
const id = (n) => n.toString(16).padStart(16, '0');

/** spans: [id, parent, start, end (ns), {service, name, failed, attributes}]. */
function trace(...spans) {
  return {
    trace: {
      resourceSpans: spans.map(([own, parent, start, end, more = {}]) => ({
        resource: {
          attributes: [{ key: 'service.name', value: { stringValue: more.service || 'a' } }],
        },
        scopeSpans: [
          {
            spans: [
              {
                spanId: id(own),
                parentSpanId: parent ? id(parent) : undefined,
                name: more.name || `s${own}`,
                startTimeUnixNano: String(BEGIN + BigInt(start)),
                endTimeUnixNano: String(BEGIN + BigInt(end)),
                status: more.failed ? { code: 'STATUS_CODE_ERROR' } : {},
                attributes: more.attributes || [],
              },
            ],
          },
        ],
      })),
    },
  };
}

const names = (model) => model.spans.map((span) => `${span.depth}${span.name}`);

test('ids come as base64 or hex, values as text', () => {
  assert.equal(hexId('Ut+xlg/bLfY='), '52dfb1960fdb2df6');
  assert.equal(hexId('52DFB1960FDB2DF6'), '52dfb1960fdb2df6');
  assert.equal(hexId(undefined), '');
  assert.equal(hexId('%'), '%');
  assert.equal(
    valueOf({ arrayValue: { values: [{ intValue: '1' }, { boolValue: true }] } }),
    '[1, true]',
  );
  assert.equal(
    valueOf({ kvlistValue: { values: [{ key: 'k', value: { doubleValue: 1.5 } }] } }),
    '{k: 1.5}',
  );
  assert.equal(valueOf(null), '');
});

test('spans are in the order of their tree, children by start', () => {
  const model = traceModel(trace([1, 0, 0, 100], [3, 1, 50, 90], [2, 1, 10, 40], [4, 2, 15, 20]));
  assert.deepEqual(names(model), ['0s1', '1s2', '2s4', '1s3']);
  assert.deepEqual(
    model.spans.map((span) => span.after),
    [4, 3, 3, 4],
  );
  assert.equal(model.duration, 100);
  assert.deepEqual(
    model.spans.map((span) => span.self),
    [30, 25, 5, 40],
  );
});

test('circles, missing parents and repeated ids harm nothing', () => {
  const circle = traceModel(trace([1, 2, 0, 10], [2, 1, 1, 9], [3, 3, 2, 3]));
  assert.deepEqual(names(circle).sort(), ['0s1', '0s3', '1s2']);
  const orphan = traceModel(trace([1, 9, 0, 10], [1, 0, 5, 6], [1, 1, 7, 8]));
  assert.equal(orphan.spans.length, 3);
  assert.equal(orphan.orphans, 1);
  assert.equal(traceModel({}).spans.length, 0);
  assert.equal(traceModel(trace([1, 0, 50, 10])).spans[0].duration, 0);
});

test('a chain of a hundred thousand spans needs no deep stack', () => {
  const model = traceModel(
    trace(...Array.from({ length: 100_000 }, (_, i) => [i + 1, i, i, 200_000 - i])),
  );
  assert.equal(model.spans.at(-1).depth, 99_999);
  assert.equal(criticalPath(model).size, 100_000);
  assert.equal(flameBoxes(flameTree(model.spans)).length, 121);
});

test('the critical path is every moment of the root, once', () => {
  const model = traceModel(
    trace([1, 0, 0, 100], [2, 1, 10, 40], [3, 1, 20, 60], [4, 3, 30, 50], [5, 1, 95, 150]),
  );
  const path = criticalPath(model);
  assert.deepEqual(path.get(0), [
    [60, 95],
    [0, 20],
  ]);
  const parts = [...path.values()].flat().sort((a, b) => a[0] - b[0]);
  assert.deepEqual([parts[0][0], parts.at(-1)[1]], [0, 100]);
  for (let i = 1; i < parts.length; i += 1) assert.equal(parts[i][0], parts[i - 1][1]);
  assert.equal(path.has(model.spans.findIndex((span) => span.name === 's2')), false);
});

test('collapsed spans hide what is below them', () => {
  const { spans } = traceModel(
    trace([1, 0, 0, 100], [2, 1, 10, 40], [4, 2, 15, 20], [3, 1, 50, 90]),
  );
  assert.deepEqual(visibleRows(spans, new Set()), [0, 1, 2, 3]);
  assert.deepEqual(visibleRows(spans, new Set([1])), [0, 1, 3]);
  assert.deepEqual(visibleRows(spans, new Set([0])), [0]);
});

test('filters are words that must all fit', () => {
  const { spans } = traceModel(
    trace(
      [1, 0, 0, 100_000_000, { service: 'front end' }],
      [
        2,
        1,
        10,
        2_000_000,
        {
          failed: true,
          name: 'GET /x',
          attributes: [{ key: 'http.route', value: { stringValue: '/X/{id}' } }],
        },
      ],
    ),
  );
  assert.equal(matchesOf(spans, '  '), null);
  assert.deepEqual(matchesOf(spans, 'error'), [1]);
  assert.deepEqual(matchesOf(spans, '>50ms'), [0]);
  assert.deepEqual(matchesOf(spans, '<50ms get'), [1]);
  assert.deepEqual(matchesOf(spans, 'http.route=/x'), [1]);
  assert.deepEqual(matchesOf(spans, 'service="front end"'), [0]);
  assert.deepEqual(matchesOf(spans, '{id}'), [1]);
  assert.deepEqual(matchesOf(spans, id(2)), [1]);
  assert.deepEqual(matchesOf(spans, 'error >50ms'), []);
});

test('sums by operation, by call and by path', () => {
  const { spans } = traceModel(
    trace(
      [1, 0, 0, 100, { name: 'r' }],
      [2, 1, 10, 40, { service: 'b', name: 'q' }],
      [3, 1, 50, 90, { service: 'b', name: 'q', failed: true }],
    ),
  );
  const [first] = operationsOf(spans);
  assert.deepEqual(
    [first.name, first.spans, first.errors, first.self, first.longest],
    ['q', 2, 1, 70, 40],
  );
  const { nodes, edges } = callsOf(spans, false);
  assert.deepEqual(
    nodes.map((node) => [node.id, node.spans]),
    [
      ['a', 1],
      ['b', 2],
    ],
  );
  assert.deepEqual(edges, [{ source: 'a', target: 'b', calls: 2, errors: 1 }]);
  const root = flameTree(spans);
  assert.equal(root.value, 100);
  assert.equal([...root.children.values()][0].children.size, 1);
});

test('two traces are compared operation by operation', () => {
  const a = operationsOf(
    traceModel(trace([1, 0, 0, 100, { name: 'r' }], [2, 1, 10, 20, { name: 'q' }])).spans,
  );
  const b = operationsOf(
    traceModel(trace([1, 0, 0, 200, { name: 'r' }], [3, 1, 10, 190, { name: 'new', failed: true }]))
      .spans,
  );
  const changes = changesOf(a, b);
  assert.deepEqual(
    changes.map((one) => [one.name, one.change, one.a !== null, one.b !== null]),
    [
      ['new', 180, false, true],
      ['r', -70, true, true],
      ['q', -10, true, false],
    ],
  );
  assert.deepEqual(changesOf([], []), []);
});

test('a circle is opened once and leads nowhere back', () => {
  const model = traceModel(trace([1, 3, 0, 50], [2, 1, 1, 40], [3, 2, 2, 30]));
  assert.deepEqual(names(model), ['0s1', '1s2', '2s3']);
  assert.deepEqual(
    model.spans.map((span) => span.children.length),
    [1, 1, 0],
  );
  assert.deepEqual(
    model.spans.map((span) => span.after),
    [3, 3, 3],
  );
  assert.ok(criticalPath(model).size > 0);
});
