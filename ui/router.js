// Addresses of the pages: /ui/<page>[/<rest>]?<state>. Everything that a page shows is in there, so
// that an address that is sent to somebody shows them the same.

import { BASE } from './api.js';

export const PAGES = {
  search: { title: 'Traces', nav: true, range: true, load: () => import('./search_page.js') },
  trace: { title: 'Trace', under: 'search', load: () => import('./trace_page.js') },
  services: { title: 'Services', nav: true, range: true, load: () => import('./services_page.js') },
  service: {
    title: 'Service',
    under: 'services',
    range: true,
    load: () => import('./service_page.js'),
  },
  metrics: { title: 'Metrics', nav: true, range: true, load: () => import('./metrics_page.js') },
  alerts: { title: 'Alerts', nav: true, load: () => import('./alerts_page.js') },
  status: { title: 'Status', nav: true, load: () => import('./status_page.js') },
};

/** What a path and a query string of this origin name; page `search` if nothing else fits. */
export function parseAddress(pathname, search, base = BASE) {
  const path = pathname.startsWith(`${base}ui/`) ? pathname.slice(base.length + 3) : '';
  const [name, ...rest] = path.split('/');
  const params = Object.fromEntries(new URLSearchParams(search));
  const page = Object.hasOwn(PAGES, name) ? name : 'search';
  let argument = rest.join('/');
  try {
    argument = decodeURIComponent(argument);
  } catch {
    // A percent sign that stands for itself.
  }
  return { page, argument, params: page === 'metrics' ? fromPrometheus(params) : params };
}

/** Links of Prometheus's alerts: g0.expr, g0.tab (0: graph), g0.range_input. */
function fromPrometheus(params) {
  const { 'g0.expr': expr, 'g0.tab': tab, 'g0.range_input': range, ...rest } = params;
  if (expr === undefined) return params;
  const made = { ...rest, expr, tab: tab === '0' || tab === 'graph' ? 'graph' : 'table' };
  if (range) made.from = `now-${range}`;
  return made;
}

/** The address of a page. Empty parameters are left out. */
export function addressOf(page, argument, params, base = BASE) {
  const pairs = Object.entries(params || {}).filter(
    ([, v]) => v !== undefined && v !== null && v !== '',
  );
  const text = new URLSearchParams(pairs).toString();
  const path = `${base}ui/${page}${argument ? `/${encodeURIComponent(argument)}` : ''}`;
  return text ? `${path}?${text}` : path;
}
