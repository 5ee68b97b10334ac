import assert from 'node:assert/strict';
import test from 'node:test';
import {
  formatAgo,
  formatSpan,
  formatTime,
  parseSpan,
  parseTime,
  rangeOf,
  stepOf,
  timeTicks,
} from '../../ui/time.js';

const NOW = Date.UTC(2026, 10, 23, 4, 5, 6, 789);

test('spans are read and written', () => {
  assert.equal(parseSpan('1h30m'), 5400e3);
  assert.equal(parseSpan('1.5s'), 1500);
  assert.ok(Number.isNaN(parseSpan('')));
  assert.ok(Number.isNaN(parseSpan('5')));
  assert.ok(Number.isNaN(parseSpan('5m x')));
  assert.equal(formatSpan(5400e3), '1h30m');
  assert.equal(formatSpan(0), '0s');
});

test('times are relative, ISO or Unix in any unit', () => {
  assert.equal(parseTime('now', NOW), NOW);
  assert.equal(parseTime('now-15m', NOW), NOW - 900e3);
  assert.equal(parseTime(' now + 1h ', NOW), NOW + 3600e3);
  assert.equal(parseTime('1700000000', NOW), 1700000000e3);
  assert.equal(parseTime('1700000000123', NOW), 1700000000123);
  assert.equal(parseTime('1700000000123456789', NOW), 1700000000123.4568);
  assert.equal(parseTime('2026-11-23 04:05', NOW, true), Date.UTC(2026, 10, 23, 4, 5));
  assert.equal(parseTime('2026-11-23T04:05:06+02:00', NOW), Date.UTC(2026, 10, 23, 2, 5, 6));
  for (const bad of ['', 'now-', 'now-5', 'yesterday', undefined, '2026-11'])
    assert.ok(Number.isNaN(parseTime(bad, NOW)), String(bad));
});

test('a range that makes no sense is the last hour', () => {
  for (const params of [
    {},
    { from: 'now', to: 'now-1h' },
    { from: '<script>' },
    { from: 'now-x', to: 'now' },
  ]) {
    const { start, end, from } = rangeOf(params, NOW);
    assert.deepEqual([start, end, from], [NOW - 3600e3, NOW, 'now-1h']);
  }
  assert.equal(rangeOf({ from: 'now-5m', to: 'now' }, NOW).start, NOW - 300e3);
});

test('times are shown in UTC as wished', () => {
  assert.equal(formatTime(NOW, true), '2026-11-23 04:05:06.789');
  assert.equal(formatTime(NOW, true, 'm'), '2026-11-23 04:05');
  assert.equal(formatTime(NaN, true), '–');
  assert.equal(formatAgo(NOW - 12e3, NOW), '12 s ago');
  assert.equal(formatAgo(NOW + 180e3, NOW), 'in 3 min');
});

test('ticks are round and inside', () => {
  const times = timeTicks(NOW - 3600e3, NOW, 8, true);
  assert.ok(times.length >= 4 && times.length <= 8);
  for (const t of times) assert.equal(t % 600e3, 0);
  assert.equal(stepOf(3600e3), 15);
  assert.equal(stepOf(1000), 1);
  assert.ok(stepOf(3650 * 86400e3) % 86400 === 0);
});
