// Names and values for suggestions, asked once a minute at most.

import { getJson, prometheus } from './api.js';

const KEEP_MS = 60e3;
const answers = new Map();

function remembered(key, ask) {
  const known = answers.get(key);
  if (known && Date.now() - known.at < KEEP_MS) return known.promise;
  if (answers.size > 200) answers.clear();
  const promise = ask();
  answers.set(key, { at: Date.now(), promise });
  promise.catch(() => answers.delete(key));
  return promise;
}

const LIMIT = 500;

/** For traceqlCandidates. */
export const traceqlCatalog = {
  tags: () => remembered('tags', async () => (await getJson('api/v2/search/tags')).scopes || []),
  values: (tag, q) =>
    remembered(`values ${tag} ${q}`, async () => {
      const path = `api/v2/search/tag/${encodeURIComponent(tag)}/values`;
      return (await getJson(path, { q, limit: LIMIT })).tagValues || [];
    }),
};

const selector = (metric) => (metric ? `{__name__=${JSON.stringify(metric)}}` : undefined);

/** For promqlCandidates. */
export const promqlCatalog = {
  metrics: () => remembered('metrics', () => prometheus('label/__name__/values')),
  labels: (metric) =>
    remembered(`labels ${metric}`, async () =>
      (await prometheus('labels', { 'match[]': selector(metric) })).filter(
        (name) => name !== '__name__',
      ),
    ),
  values: (metric, label) =>
    remembered(`label ${metric} ${label}`, () =>
      prometheus(`label/${encodeURIComponent(label)}/values`, {
        'match[]': selector(metric),
        limit: LIMIT,
      }),
    ),
};
