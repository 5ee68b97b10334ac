import assert from 'node:assert/strict';
import test from 'node:test';
import { compareQuery, differencesOf, formatPick, parsePick } from '../../ui/differences.js';
import { boxAround } from '../../ui/heatmap.js';
import { valueIn } from '../../ui/service_selection.js';

const one = (type, name, value, count, text = true) => ({
  labels: { __meta_type: type, [name]: value },
  texts: new Set(text ? ['__meta_type', name] : ['__meta_type']),
  points: [
    [0, count / 2],
    [1, count / 2],
  ],
});

test('values that are more frequent in the selection come first', () => {
  const found = differencesOf([
    one('selection', 'span.card', 'elm', 9),
    one('selection', 'span.card', 'oak', 1),
    one('baseline', 'span.card', 'elm', 25),
    one('baseline', 'span.card', 'oak', 70),
    one('selection', 'kind', 'server', 10),
    one('baseline', 'kind', 'server', 100),
    one('selection', 'span.rare', 'x', 5),
    ...['span.card', 'kind', 'span.rare'].flatMap((name) => [
      one('selection_total', name, 'nil', 10),
      one('baseline_total', name, 'nil', 100),
    ]),
  ]);
  assert.deepEqual(
    found.map((o) => o.attribute),
    ['span.card', 'span.rare'],
  );
  assert.deepEqual(
    found[0].values.map((v) => v.value),
    ['elm', 'oak'],
  );
  assert.ok(Math.abs(found[0].score - 0.65) < 1e-9);
  assert.deepEqual(found[1].values, [{ value: 'x', text: true, selection: 0.5, baseline: 0 }]);
  assert.deepEqual(differencesOf([]), []);
});

test('a number and a text of the same digits are two values', () => {
  const [found] = differencesOf([
    one('selection', 'span.id', '5', 6),
    one('selection', 'span.id', '5', 4, false),
    one('selection_total', 'span.id', 'nil', 10),
  ]);
  assert.deepEqual(
    found.values.map((v) => [valueIn('span.id', v), v.selection]),
    [
      ['"5"', 0.6],
      ['5', 0.4],
    ],
  );
});

test('a selection is in the address and in the query', () => {
  const pick = { start: 1000, end: 2000.4, low: 1e6, high: 2e6 };
  assert.deepEqual(parsePick(formatPick(pick)), {
    failed: false,
    start: 1000,
    end: 2000,
    low: 1e6,
    high: 2e6,
  });
  for (const bad of ['', undefined, '1_2_3', '2_1_3_4', 'a_b_c_d'])
    assert.equal(parsePick(bad), null);
  assert.equal(
    compareQuery('{ a = 1 }', parsePick('errors')),
    '{ a = 1 } | compare({ status = error }, 10)',
  );
  assert.equal(
    compareQuery('{ }', parsePick('1_2_3_4')),
    '{ } | compare({ duration >= 3ns && duration <= 4ns }, 10, 1000000, 2000000)',
  );
  assert.equal(valueIn('span.a', { value: 'x"y', text: true }), '"x\\"y"');
  assert.equal(valueIn('span.a', { value: '12', text: true }), '"12"');
  assert.equal(valueIn('span.a', { value: '12', text: false }), '12');
  assert.equal(valueIn('status', { value: 'error', text: true }), 'error');
});

test('a box grows to the cells that it touches', () => {
  const cells = [
    { start: 0, end: 10, low: 1, high: 2 },
    { start: 10, end: 20, low: 2, high: 4 },
    { start: 90, end: 99, low: 1, high: 2 },
  ];
  assert.deepEqual(boxAround(cells, { start: 5, end: 12, low: 1.5, high: 2.5 }), {
    start: 0,
    end: 20,
    low: 1,
    high: 4,
  });
  assert.equal(boxAround(cells, { start: 50, end: 60, low: 1, high: 2 }), null);
});
