// The text format of /metrics, as far as the status page needs it.

/** A Map from the name to [{labels, value}]. */
export function parseMetrics(text) {
  const found = new Map();
  for (const line of text.split('\n')) {
    const match = /^([A-Za-z_:][\w:]*)(?:\{((?:[^"}]|"(?:[^"\\]|\\.)*")*)\})? (\S+)/.exec(line);
    if (!match) continue;
    const labels = {};
    for (const [, name, value] of (match[2] || '').matchAll(
      /([A-Za-z_]\w*)="((?:[^"\\]|\\.)*)"/g,
    )) {
      labels[name] = value.replace(/\\(.)/g, (_, c) => (c === 'n' ? '\n' : c));
    }
    if (!found.has(match[1])) found.set(match[1], []);
    found.get(match[1]).push({ labels, value: Number(match[3]) });
  }
  return found;
}

/** The sum of a name's samples; NaN if there are none. */
export function sumOf(metrics, name) {
  const samples = metrics.get(name);
  return samples ? samples.reduce((sum, one) => sum + one.value, 0) : NaN;
}
