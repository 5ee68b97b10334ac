// Numbers as people read them.

function digits(value) {
  const size = Math.abs(value);
  return size >= 100 ? value.toFixed(0) : size >= 10 ? value.toFixed(1) : value.toFixed(2);
}

const trim = (text) => (text.includes('.') ? text.replace(/\.?0+$/, '') : text);

const two = (a, unit, b, smaller) => (b > 0 ? `${a}${unit} ${b}${smaller}` : `${a}${unit}`);

/** A duration in nanoseconds: "412 µs", "1.25 s", "2m 5s". */
export function formatDuration(nanos) {
  if (!Number.isFinite(nanos)) return '–';
  const size = Math.abs(nanos);
  if (size < 1e3) return `${trim(nanos.toFixed(0))} ns`;
  if (size < 999.5e3) return `${trim(digits(nanos / 1e3))} µs`;
  if (size < 999.5e6) return `${trim(digits(nanos / 1e6))} ms`;
  if (size < 59.95e9) return `${trim(digits(nanos / 1e9))} s`;
  const seconds = Math.round(nanos / 1e9);
  if (seconds < 3600) return two(Math.floor(seconds / 60), 'm', seconds % 60, 's');
  if (seconds < 86400)
    return two(Math.floor(seconds / 3600), 'h', Math.floor((seconds % 3600) / 60), 'm');
  return two(Math.floor(seconds / 86400), 'd', Math.floor((seconds % 86400) / 3600), 'h');
}

/** A count or measurement: "1,204", "12.3 k", "4.5 M", "0.0012". */
export function formatNumber(value) {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf';
  const size = Math.abs(value);
  if (size === 0) return '0';
  if (size >= 1e15 || size < 1e-4) return value.toExponential(2).replace(/\.?0+e/, 'e');
  if (size >= 1e12) return `${trim(digits(value / 1e12))} T`;
  if (size >= 1e9) return `${trim(digits(value / 1e9))} G`;
  if (size >= 1e6) return `${trim(digits(value / 1e6))} M`;
  if (size >= 1e4) return `${trim(digits(value / 1e3))} k`;
  if (Number.isInteger(value)) return formatCount(value);
  return trim(size >= 1 ? digits(value) : value.toPrecision(3));
}

/** A whole number with all its digits: "100,001". */
export const formatCount = (value) => String(value).replace(/\B(?=(\d{3})+(?!\d))/g, ',');

/** "12.3/s", "0.4/min" below one in ten seconds. */
export function formatRate(perSecond) {
  if (!Number.isFinite(perSecond)) return '–';
  if (perSecond === 0) return '0/s';
  return perSecond < 0.1 ? `${formatNumber(perSecond * 60)}/min` : `${formatNumber(perSecond)}/s`;
}

/** A part of one: "0.4 %". */
export function formatPercent(ratio) {
  if (!Number.isFinite(ratio)) return '–';
  const percent = ratio * 100;
  if (percent === 0) return '0 %';
  if (percent < 0.01) return '<0.01 %';
  return `${trim(digits(percent))} %`;
}

/** "12.4 MiB". */
export function formatBytes(bytes) {
  if (!Number.isFinite(bytes)) return '–';
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  while (Math.abs(value) >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? value : trim(digits(value))} ${units[unit]}`;
}

/** Round values that divide [low, high] into about `count` parts: 0, 20, 40, ... */
export function ticks(low, high, count) {
  const span = high - low;
  if (!(span > 0) || !Number.isFinite(span)) return [low];
  const rough = span / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough * 0.999);
  const values = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i += 1)
    values.push(i * step + 0);
  return values;
}
