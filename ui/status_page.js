// The server itself: what comes in, what is kept, what goes out, how it is configured.

import { getText, prometheus } from './api.js';
import { h, put } from './dom.js';
import { formatBytes, formatCount, formatDuration, formatNumber, formatRate } from './format.js';
import { parseMetrics, sumOf } from './metrics_text.js';
import { plot } from './plot.js';
import { getPrefs } from './prefs.js';
import { addressOf } from './router.js';
import { formatAgo, formatTime } from './time.js';

const EVERY_MS = 5e3;
const KEPT = 60; // Points of the live plot: five minutes.
const MODES = [
  ['diff', 'What is set'],
  ['', 'All'],
  ['defaults', 'Defaults'],
];

const fact = (name, value, title) =>
  h('div', { class: 'fact', title }, h('dt', {}, name), h('dd', {}, value));

function card(title, note, ...content) {
  return h(
    'section',
    { class: 'card', 'aria-label': title },
    h('header', {}, h('h2', {}, title), note && h('span', { class: 'soft' }, note)),
    h('div', { class: 'body' }, content),
  );
}

/** Rows of the columns of /status/services. */
export function partsOf(text) {
  return text
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s{2,}/))
    .map(([name, state]) => ({ name, state }));
}

export function mount(root, context) {
  const asked = new AbortController();
  const { signal } = asked;
  const failure = h('div', { class: 'notice bad', role: 'alert', hidden: true });
  const build = h('dl', { class: 'facts-grid' });
  const intake = h('dl', { class: 'facts-grid' });
  const chart = h('div', { class: 'plot-body' });
  const storage = h('dl', { class: 'facts-grid' });
  const remote = h('div', {});
  const parts = h('div', { class: 'row wrap' });
  const targets = h('div', { class: 'scroll' });
  const names = h('div', { class: 'scroll' });
  const config = h('pre', { class: 'block config' });
  const modes = MODES.map(([name, text]) =>
    h(
      'button',
      {
        role: 'tab',
        type: 'button',
        'data-mode': name,
        onclick: () =>
          context.setParams({ config: name === 'diff' ? '' : name || 'all' }, { replace: true }),
      },
      text,
    ),
  );
  root.append(
    h(
      'div',
      { class: 'page' },
      h('h1', {}, 'Status'),
      failure,
      parts,
      h(
        'div',
        { class: 'halves' },
        h(
          'div',
          { class: 'stack' },
          card('Received', 'live', intake, chart),
          card('Remote write', '', remote),
          h(
            'section',
            { class: 'card', 'aria-label': 'Targets' },
            h('header', {}, h('h2', {}, 'Scraped targets')),
            targets,
          ),
        ),
        h(
          'div',
          { class: 'stack' },
          card('Stored', '', storage),
          card('Server', '', build),
          h(
            'section',
            { class: 'card', 'aria-label': 'Largest metrics' },
            h(
              'header',
              {},
              h('h2', {}, 'Largest metrics'),
              h('span', { class: 'soft' }, 'by series in memory'),
            ),
            names,
          ),
        ),
      ),
      h(
        'section',
        { class: 'card', 'aria-label': 'Configuration' },
        h(
          'header',
          {},
          h('h2', {}, 'Configuration'),
          h(
            'div',
            { class: 'tabs', role: 'tablist', 'aria-label': 'Part of the configuration' },
            modes,
          ),
        ),
        h('div', { class: 'body' }, config),
      ),
    ),
  );

  const seen = []; // [{at, spans, bytes}]
  let before = null;
  let leave = () => {};

  function fail(error) {
    if (error.name === 'AbortError') return;
    failure.textContent = error.message;
    failure.hidden = false;
  }

  async function live() {
    try {
      const metrics = parseMetrics(await getText('metrics', {}, signal));
      failure.hidden = true;
      drawLive(metrics, Date.now());
      drawStorage(metrics);
      drawRemote(metrics);
    } catch (error) {
      fail(error);
    }
  }

  function drawLive(metrics, at) {
    const now = {
      at,
      spans: sumOf(metrics, 'tempo_distributor_spans_received_total') || 0,
      bytes: sumOf(metrics, 'tempo_distributor_bytes_received_total') || 0,
      cpu: sumOf(metrics, 'process_cpu_seconds_total'),
    };
    let [spans, bytes, cpu] = [NaN, NaN, NaN];
    if (before && at > before.at) {
      const seconds = (at - before.at) / 1000;
      [spans, bytes, cpu] = [
        (now.spans - before.spans) / seconds,
        (now.bytes - before.bytes) / seconds,
        (now.cpu - before.cpu) / seconds,
      ];
      seen.push([at, Math.max(0, spans)]);
      if (seen.length > KEPT) seen.shift();
    }
    before = now;
    put(
      intake,
      fact('Spans now', formatRate(spans)),
      fact('Bytes now', Number.isFinite(bytes) ? `${formatBytes(bytes)}/s` : '–'),
      fact('Spans since the start', formatNumber(now.spans)),
      fact('Refused', formatNumber(sumOf(metrics, 'tempo_discarded_spans_total') || 0)),
      fact('CPU', Number.isFinite(cpu) ? `${(cpu * 100).toFixed(1)} % of a core` : '–'),
      fact('Memory', formatBytes(sumOf(metrics, 'process_resident_memory_bytes'))),
    );
    leave();
    leave = plot(chart, [{ name: 'spans a second', colour: 'var(--s0)', points: seen }], {
      range: { start: at - KEPT * EVERY_MS, end: at },
      step: 3 * EVERY_MS,
      utc: getPrefs().utc,
      height: 190,
      fill: true,
      format: formatRate,
      label: 'Spans received',
    });
  }

  function drawStorage(metrics) {
    const get = (name) => sumOf(metrics, name);
    put(
      storage,
      fact('Spans on disk', formatBytes(get('tocsin_spans_disk_bytes'))),
      fact('Segments', formatCount(get('tocsin_spans_segments') || 0)),
      fact('Volumes', formatCount(get('tocsin_spans_volumes') || 0)),
      fact('Live traces', formatCount(get('tocsin_spans_live_traces') || 0)),
      fact('Live log', formatBytes(get('tocsin_spans_log_bytes'))),
      fact('Series', formatNumber(get('prometheus_tsdb_head_series'))),
      fact('Blocks of series', formatBytes(get('prometheus_tsdb_storage_blocks_bytes'))),
      fact(
        'Damaged',
        formatCount(
          (get('tocsin_spans_damaged_segments_total') || 0) +
            (get('tocsin_spans_damaged_volumes_total') || 0),
        ),
        'Segments and volumes put aside',
      ),
    );
  }

  function drawRemote(metrics) {
    const pending = metrics.get('prometheus_remote_storage_samples_pending') || [];
    if (pending.length === 0) {
      put(remote, h('span', { class: 'soft' }, 'Nothing is configured under remote_write.'));
      return;
    }
    const of = (name, url) =>
      (metrics.get(name) || [])
        .filter((one) => one.labels.url === url)
        .reduce((sum, one) => sum + one.value, 0);
    put(
      remote,
      pending.map(({ labels, value }) =>
        h(
          'div',
          {},
          h('code', {}, labels.url),
          h(
            'dl',
            { class: 'facts-grid' },
            fact('Waiting', formatNumber(value)),
            fact('Sent', formatNumber(of('prometheus_remote_storage_samples_total', labels.url))),
            fact(
              'Failed',
              formatNumber(of('prometheus_remote_storage_samples_failed_total', labels.url)),
            ),
            fact(
              'Dropped',
              formatNumber(of('prometheus_remote_storage_samples_dropped_total', labels.url)),
            ),
          ),
        ),
      ),
    );
  }

  async function once() {
    const { utc } = getPrefs();
    const [version, runtime, services, scraped, tsdb] = await Promise.all([
      prometheus('status/buildinfo', {}, signal),
      prometheus('status/runtimeinfo', {}, signal),
      getText('status/services', {}, signal),
      prometheus('targets', { state: 'active' }, signal),
      prometheus('status/tsdb', { limit: 10 }, signal),
    ]);
    const started = Date.parse(runtime.startTime);
    put(
      build,
      fact('Version', `${version.version} (${version.revision || 'no revision'})`),
      fact('Host', runtime.hostname),
      fact('Started', formatTime(started, utc, 's')),
      fact('Up', formatDuration((Date.now() - started) * 1e6)),
      fact(
        'Configuration read',
        `${formatAgo(Date.parse(runtime.lastConfigTime), Date.now())}${runtime.reloadConfigSuccess ? '' : ', failed'}`,
      ),
      fact(
        'Metrics are kept',
        runtime.storageRetention.replace(/(\d+)B$/, (_, bytes) => formatBytes(Number(bytes))),
      ),
    );
    put(
      parts,
      partsOf(services).map((one) =>
        h(
          'span',
          { class: `badge ${one.state === 'Running' ? 'good' : 'warn'}` },
          `${one.name}: ${one.state}`,
        ),
      ),
    );
    put(
      targets,
      scraped.activeTargets.length === 0
        ? h('p', { class: 'soft pad' }, 'None are configured.')
        : h(
            'table',
            { class: 'table' },
            h(
              'tbody',
              {},
              scraped.activeTargets.map((one) =>
                h(
                  'tr',
                  {},
                  h(
                    'td',
                    {},
                    h('b', {}, one.labels.job),
                    h('div', { class: 'soft' }, one.scrapeUrl),
                    one.lastError && h('div', { class: 'notice bad' }, one.lastError),
                  ),
                  h(
                    'td',
                    {},
                    h(
                      'span',
                      {
                        class: `badge ${one.health === 'up' ? 'good' : one.health === 'down' ? 'bad' : ''}`,
                      },
                      one.health,
                    ),
                  ),
                  h(
                    'td',
                    { class: 'num soft' },
                    Date.parse(one.lastScrape) > 0
                      ? formatAgo(Date.parse(one.lastScrape), Date.now())
                      : 'not yet',
                  ),
                ),
              ),
            ),
          ),
    );
    put(
      names,
      h(
        'table',
        { class: 'table' },
        h(
          'tbody',
          {},
          tsdb.seriesCountByMetricName.map((one) =>
            h(
              'tr',
              {},
              h(
                'td',
                {},
                h(
                  'a',
                  {
                    href: addressOf('metrics', '', {
                      expr: `{__name__=${JSON.stringify(one.name)}}`,
                      tab: 'table',
                    }),
                  },
                  h('code', {}, one.name),
                ),
              ),
              h('td', { class: 'num' }, formatCount(one.value)),
            ),
          ),
        ),
      ),
    );
  }

  let mode = null;
  async function showConfig() {
    const wanted =
      context.params.config === 'all'
        ? ''
        : MODES.some(([name]) => name === context.params.config)
          ? context.params.config
          : 'diff';
    for (const one of modes) one.setAttribute('aria-selected', String(one.dataset.mode === wanted));
    if (wanted === mode) return;
    mode = wanted;
    config.textContent = await getText('status/config', { mode: wanted }, signal);
  }

  live();
  once().catch(fail);
  showConfig().catch(fail);
  const timer = setInterval(() => {
    if (!document.hidden) live();
  }, EVERY_MS);
  return {
    update(next) {
      context = next;
      showConfig().catch(fail);
    },
    destroy() {
      asked.abort();
      clearInterval(timer);
      leave();
    },
  };
}
