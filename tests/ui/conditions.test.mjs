import assert from 'node:assert/strict';
import test from 'node:test';
import {
  addCondition,
  formatConditions,
  parseConditions,
  withCondition,
} from '../../ui/conditions.js';
import { parseMatchers } from '../../ui/silence_form.js';

test('lists of conditions are read and written', () => {
  const text = '{ resource.service.name = "a && \\"b\\"" && duration > 100ms && status = error }';
  assert.equal(formatConditions(parseConditions(text)), text);
  assert.deepEqual(parseConditions(''), []);
  assert.deepEqual(parseConditions('{ }'), []);
});

test('what is more than a list is left alone', () => {
  for (const text of [
    '{ a = 1 || b = 2 }',
    '{ } | rate()',
    '{ a = 1 } && { b = 2 }',
    '{ (a = 1) }',
    'x',
    '{ a = "x }',
  ])
    assert.equal(parseConditions(text), null, text);
});

test('a condition replaces that of the same field and comparison', () => {
  const list = parseConditions('{ duration > 1s && name = "x" }');
  assert.equal(
    formatConditions(withCondition(list, 'duration', '>', '5s')),
    '{ duration > 5s && name = "x" }',
  );
  assert.equal(
    formatConditions(withCondition(list, 'duration', '<', '9s')),
    '{ duration > 1s && name = "x" && duration < 9s }',
  );
  assert.equal(formatConditions(withCondition(list, 'name', '=', null)), '{ duration > 1s }');
  assert.equal(addCondition('', 'status', '=', 'error'), '{ status = error }');
  assert.equal(addCondition('{ a = 1 || b = 2 }', 'status', '=', 'error'), null);
});

test('matchers of a silence are read a line each', () => {
  assert.deepEqual(parseMatchers('alertname="High \\"x\\""\n\n job!~a.*'), [
    { name: 'alertname', value: 'High "x"', isRegex: false, isEqual: true },
    { name: 'job', value: 'a.*', isRegex: true, isEqual: false },
  ]);
  assert.throws(() => parseMatchers('nonsense'), /nonsense/);
});
