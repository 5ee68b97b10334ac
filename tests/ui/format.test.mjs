import assert from 'node:assert/strict';
import test from 'node:test';
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatNumber,
  formatPercent,
  formatRate,
  ticks,
} from '../../ui/format.js';

test('durations have three digits and the unit that fits', () => {
  const cases = [
    [0, '0 ns'],
    [999, '999 ns'],
    [1500, '1.5 µs'],
    [999_600, '1 ms'],
    [12_345_678, '12.3 ms'],
    [1.25e9, '1.25 s'],
    [125e9, '2m 5s'],
    [300e9, '5m'],
    [7260e9, '2h 1m'],
    [90000e9, '1d 1h'],
    [NaN, '–'],
  ];
  for (const [nanos, text] of cases) assert.equal(formatDuration(nanos), text);
});

test('numbers keep their meaning', () => {
  const cases = [
    [0, '0'],
    [1204, '1,204'],
    [12345, '12.3 k'],
    [4.5e6, '4.5 M'],
    [0.00123, '0.00123'],
    [1.5e-7, '1.5e-7'],
    [NaN, 'NaN'],
    [Infinity, '+Inf'],
    [-12.3, '-12.3'],
  ];
  for (const [value, text] of cases) assert.equal(formatNumber(value), text);
  assert.equal(formatCount(100001), '100,001');
  assert.equal(formatPercent(0.0512), '5.12 %');
  assert.equal(formatPercent(0), '0 %');
  assert.equal(formatPercent(0.00001), '<0.01 %');
  assert.equal(formatRate(12.34), '12.3/s');
  assert.equal(formatRate(0.01), '0.6/min');
  assert.equal(formatBytes(1536), '1.5 KiB');
  assert.equal(formatBytes(12), '12 B');
});

test('ticks are round and cover the range', () => {
  assert.deepEqual(ticks(0, 100, 5), [0, 20, 40, 60, 80, 100]);
  assert.deepEqual(ticks(5, 5, 4), [5]);
  assert.equal(ticks(0, 0.3, 3).length, 4);
});
