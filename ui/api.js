// The server's answers. All addresses are relative to where these files came from, so that a proxy
// may put a path before them.

/** Ends with a slash: "/" or "/prefix/". */
export const BASE = new URL('../../', import.meta.url).pathname;

/** An answer that is no success; `status` is 0 if there was none. */
export class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

const query = (params) => {
  const pairs = new URLSearchParams();
  for (const [key, value] of Object.entries(params || {})) {
    if (value === undefined || value === null || value === '') continue;
    for (const one of Array.isArray(value) ? value : [value]) pairs.append(key, one);
  }
  const text = pairs.toString();
  return text && `?${text}`;
};

export const apiUrl = (path, params) => BASE + path + query(params);

async function ask(path, params, options) {
  let response;
  try {
    response = await fetch(apiUrl(path, params), options);
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new ApiError(0, 'Tocsin does not answer: is it running?');
  }
  if (response.ok) return response;
  const text = await response.text();
  let message = text.trim();
  try {
    const json = JSON.parse(text);
    message = json.error || json.message || (typeof json === 'string' ? json : message);
  } catch {
    // Plain text, as most errors are.
  }
  throw new ApiError(response.status, message || `HTTP ${response.status}`);
}

export async function getJson(path, params, signal) {
  return (await ask(path, params, { signal, headers: { Accept: 'application/json' } })).json();
}

export async function getText(path, params, signal) {
  return (await ask(path, params, { signal })).text();
}

/** Answers of Prometheus's API without their envelope. */
export async function prometheus(path, params, signal) {
  const answer = await getJson(`api/v1/${path}`, params, signal);
  return Object.assign(answer.data ?? {}, {
    notes: [...(answer.warnings || []), ...(answer.infos || [])],
  });
}

/** Sends JSON; the answer's JSON, or null if it has no body. */
export async function sendJson(method, path, body) {
  const response = await ask(
    path,
    {},
    {
      method,
      headers: { 'Content-Type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body),
    },
  );
  const text = await response.text();
  return text ? JSON.parse(text) : null;
}

/** A range in milliseconds as the parameters `start` and `end`, in whole seconds around it. */
export const secondsOf = ({ start, end }) => ({
  start: Math.floor(start / 1000),
  end: Math.ceil(end / 1000),
});

/** Series of TraceQL metrics: [{labels: {name: text}, points: [[ms, value]], exemplars}]. */
export async function traceqlMetrics(q, range, step, signal, exemplars = 0) {
  const answer = await getJson(
    'api/metrics/query_range',
    {
      q,
      ...secondsOf(range),
      step: `${step}s`,
      exemplars,
    },
    signal,
  );
  return (answer.series || []).map((one) => ({
    labels: labelsOf(one.labels),
    texts: textsOf(one.labels),
    points: (one.samples || []).map((p) => [Number(p.timestampMs), p.value ?? 0]),
    exemplars: (one.exemplars || []).map((e) => ({
      time: Number(e.timestampMs),
      value: e.value ?? 0,
      trace: labelsOf(e.labels)['trace:id'],
    })),
  }));
}

/** One value of each series over the range: [{labels, value}]. */
export async function traceqlInstant(q, range, signal) {
  const answer = await getJson(
    'api/metrics/query',
    {
      q,
      ...secondsOf(range),
    },
    signal,
  );
  return (answer.series || []).map((one) => ({
    labels: labelsOf(one.labels),
    value: one.value ?? 0,
  }));
}

/** The labels whose values are texts, which a query puts into quotes. */
function textsOf(labels) {
  return new Set((labels || []).filter(({ value }) => 'stringValue' in value).map(({ key }) => key));
}

function labelsOf(labels) {
  const made = {};
  for (const { key, value } of labels || []) made[key] = String(Object.values(value)[0] ?? '');
  return made;
}
