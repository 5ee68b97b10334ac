// Times and ranges of time, as addresses and people write them. Milliseconds since 1970 inside.

const UNITS = { ms: 1, s: 1e3, m: 60e3, h: 3600e3, d: 86400e3, w: 7 * 86400e3 };

/** "90s", "1h30m" as milliseconds; NaN for anything else. */
export function parseSpan(text) {
  if (!/^(\d+(\.\d+)?(ms|[smhdw]))+$/.test(text)) return NaN;
  let sum = 0;
  for (const [, number, , unit] of text.matchAll(/(\d+(\.\d+)?)(ms|[smhdw])/g))
    sum += number * UNITS[unit];
  return sum;
}

/** "90 s" as "1m30s": the shortest writing that parseSpan reads. */
export function formatSpan(milliseconds) {
  let rest = Math.round(milliseconds / 1000);
  let text = '';
  for (const [unit, seconds] of [
    ['d', 86400],
    ['h', 3600],
    ['m', 60],
    ['s', 1],
  ]) {
    if (rest >= seconds) text += `${Math.floor(rest / seconds)}${unit}`;
    rest %= seconds;
  }
  return text || '0s';
}

/**
 * "now", "now-1h", an ISO time, or Unix seconds, milliseconds, microseconds, nanoseconds; NaN for
 * anything else. A time without a zone is UTC with `utc`, else the browser's.
 */
export function parseTime(text, now, utc = false) {
  const given = String(text ?? '').trim();
  const relative = /^now(?:\s*([-+])\s*(\S+))?$/.exec(given);
  if (relative) {
    if (!relative[1]) return now;
    return now + (relative[1] === '-' ? -1 : 1) * parseSpan(relative[2]);
  }
  if (/^\d+(\.\d+)?$/.test(given)) {
    let value = Number(given);
    while (value > 1e14) value /= 1e3;
    return value < 1e11 ? value * 1e3 : value;
  }
  const iso = /^(\d{4}-\d\d-\d\d)(?:[ T](\d\d:\d\d(?::\d\d(?:\.\d+)?)?)(Z|[-+]\d\d:?\d\d)?)?$/.exec(
    given,
  );
  if (!iso) return NaN;
  const [, day, clock = '00:00', zone = utc ? 'Z' : ''] = iso;
  return Date.parse(`${day}T${clock}${zone}`);
}

export const DEFAULT_RANGE = { from: 'now-1h', to: 'now' };

/** The range that parameters name; what they leave out or write wrongly is the last hour. */
export function rangeOf(params, now, utc = false) {
  let from = params.from || DEFAULT_RANGE.from;
  let to = params.to || DEFAULT_RANGE.to;
  let start = parseTime(from, now, utc);
  let end = parseTime(to, now, utc);
  if (!(start < end)) {
    ({ from, to } = DEFAULT_RANGE);
    start = parseTime(from, now);
    end = now;
  }
  return { from, to, start, end, relative: to === 'now' };
}

const two = (n) => String(n).padStart(2, '0');

function parts(milliseconds, utc) {
  const date = new Date(milliseconds);
  return utc
    ? [
        date.getUTCFullYear(),
        date.getUTCMonth() + 1,
        date.getUTCDate(),
        date.getUTCHours(),
        date.getUTCMinutes(),
        date.getUTCSeconds(),
        date.getUTCMilliseconds(),
      ]
    : [
        date.getFullYear(),
        date.getMonth() + 1,
        date.getDate(),
        date.getHours(),
        date.getMinutes(),
        date.getSeconds(),
        date.getMilliseconds(),
      ];
}

/** "2026-11-23 04:25:36.114"; shorter with `unit` 's' or 'm'. */
export function formatTime(milliseconds, utc, unit = 'ms') {
  if (!Number.isFinite(milliseconds)) return '–';
  const [year, month, day, hour, minute, second, ms] = parts(milliseconds, utc);
  let text = `${year}-${two(month)}-${two(day)} ${two(hour)}:${two(minute)}`;
  if (unit !== 'm') text += `:${two(second)}`;
  if (unit === 'ms') text += `.${String(ms).padStart(3, '0')}`;
  return text;
}

/** What a tick of a time axis says: as short as the range allows. */
export function formatTick(milliseconds, rangeMs, utc) {
  const [, month, day, hour, minute, second] = parts(milliseconds, utc);
  if (rangeMs > 36 * UNITS.h) return `${two(month)}-${two(day)} ${two(hour)}:${two(minute)}`;
  const clock = `${two(hour)}:${two(minute)}`;
  return rangeMs < 10 * UNITS.m ? `${clock}:${two(second)}` : clock;
}

const TICKS = [
  1e3, 2e3, 5e3, 10e3, 15e3, 30e3, 60e3, 120e3, 300e3, 600e3, 900e3, 1800e3, 3600e3, 7200e3,
  10800e3, 21600e3, 43200e3, 86400e3, 172800e3, 604800e3,
];

/** Round times that divide the range into at most `count` parts. */
export function timeTicks(start, end, count, utc) {
  const step = TICKS.find((size) => (end - start) / size <= count) || TICKS.at(-1);
  const shift = utc ? 0 : new Date(start).getTimezoneOffset() * 60e3;
  const times = [];
  for (let t = Math.ceil((start - shift) / step) * step + shift; t <= end; t += step) times.push(t);
  return times;
}

/** "12 s ago", "in 3 min". */
export function formatAgo(milliseconds, now) {
  const seconds = Math.round((now - milliseconds) / 1000);
  const size = Math.abs(seconds);
  const text =
    size < 100
      ? `${size} s`
      : size < 6000
        ? `${Math.round(size / 60)} min`
        : size < 172800
          ? `${Math.round(size / 3600)} h`
          : `${Math.round(size / 86400)} d`;
  return seconds < 0 ? `in ${text}` : `${text} ago`;
}

/** The step, in seconds, that draws the range with about `points` values: a round one. */
export function stepOf(rangeMs, points = 240) {
  const wanted = rangeMs / 1000 / points;
  return (
    [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600, 86400].find(
      (step) => step >= wanted,
    ) || Math.ceil(wanted / 86400) * 86400
  );
}
