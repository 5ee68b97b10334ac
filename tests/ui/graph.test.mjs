import assert from 'node:assert/strict';
import test from 'node:test';
import { layoutGraph } from '../../ui/layout.js';
import { freePlace, pathOf } from '../../ui/graph_view.js';

const SIZE = { width: 100, height: 40, gapX: 50, gapY: 20 };
const edge = (text) => ({ source: text[0], target: text[1] });

function check(ids, edges) {
  const made = layoutGraph(ids, edges, SIZE);
  assert.equal(made.nodes.size, ids.length);
  const places = [...made.nodes.values()];
  for (const [i, a] of places.entries()) {
    assert.ok(
      a.x >= 0 && a.y >= 0 && a.x + 100 <= made.width + 1e-6 && a.y + 40 <= made.height + 1e-6,
    );
    for (const b of places.slice(i + 1)) {
      assert.ok(
        Math.abs(a.x - b.x) >= 100 - 1e-6 || Math.abs(a.y - b.y) >= 40 - 1e-6,
        'nodes lie upon one another',
      );
    }
  }
  return made;
}

test('callers stand left of what they call', () => {
  const { nodes, edges } = check([...'abcd'], ['ab', 'bc', 'ac', 'cd'].map(edge));
  for (const { edge: one } of edges) assert.ok(nodes.get(one.source).x < nodes.get(one.target).x);
  assert.equal(
    edges.find(({ edge: one }) => one.target === 'c' && one.source === 'a').points.length,
    4,
  );
});

test('circles, loops and edges to nowhere are drawn or left out', () => {
  const { edges } = check([...'abc'], ['ab', 'bc', 'ca', 'aa', 'ax'].map(edge));
  assert.equal(edges.length, 3);
  assert.equal(edges.filter((one) => one.turned).length, 1);
  check(['a'], []);
  check([...'ab'], ['ab', 'ba'].map(edge));
});

test('where all call all, the graph stays a graph that can be seen', () => {
  const ids = Array.from({ length: 30 }, (_, i) => `n${i}`);
  const edges = ids.flatMap((source) =>
    ids.filter((target) => target !== source).map((target) => ({ source, target })),
  );
  const { width, height } = check(ids, edges);
  assert.ok(width < 3000 && height < 6000, `${width} x ${height}`);
});

test('a long chain and a broad fan are laid out in time', () => {
  const ids = Array.from({ length: 300 }, (_, i) => `n${i}`);
  check(
    ids,
    ids.slice(1).map((target, i) => ({ source: i % 2 ? ids[i] : 'n0', target })),
  );
});

test('lines are level at their ends and labels do not hide one another', () => {
  assert.equal(
    pathOf([
      [0, 0],
      [10, 20],
    ]),
    'M0 0C5 0 5 20 10 20',
  );
  const taken = [];
  const points = [
    [0, 0],
    [900, 0],
  ];
  const first = freePlace(points, taken);
  const second = freePlace(points, taken);
  assert.ok(Math.abs(first[0] - second[0]) >= 44 || second === null);
  for (let i = 0; i < 9; i += 1) freePlace(points, taken);
  assert.equal(freePlace(points, taken), null);
});
