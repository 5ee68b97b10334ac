// What /api/search says of a trace.

const NO_ROOT = '<root span not yet received>';

/** A trace of the search API as the page needs it. Times in ms, durations in ns. */
export function foundTrace(trace) {
  const services = Object.entries(trace.serviceStats || {}).map(
    ([name, { spanCount = 0, errorCount = 0 }]) => ({ name, spans: spanCount, errors: errorCount }),
  );
  const sets = trace.spanSets || (trace.spanSet ? [trace.spanSet] : []);
  return {
    id: trace.traceID.padStart(32, '0'), // It comes without its leading zeros.
    service: trace.rootServiceName === NO_ROOT ? '' : trace.rootServiceName || '',
    name: trace.rootTraceName || '',
    start: Number(trace.startTimeUnixNano) / 1e6,
    duration:
      (trace.durationMs || 0) * 1e6 ||
      Math.max(
        0,
        ...sets.flatMap((set) => (set.spans || []).map((one) => Number(one.durationNanos))),
      ),
    services,
    spans: services.reduce((sum, one) => sum + one.spans, 0),
    errors: services.reduce((sum, one) => sum + one.errors, 0),
    matched: sets.reduce((sum, set) => sum + (set.matched || 0), 0),
  };
}
