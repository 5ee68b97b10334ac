// One trace: its spans over time, as a graph, as a flame graph, as a table.

import { apiUrl, BASE, getJson } from './api.js';
import { serviceDot } from './colour.js';
import { criticalPath } from './critical_path.js';
import { copyText, h, icon, onResize, put } from './dom.js';
import { nothing } from './empty.js';
import { formatCount, formatDuration, formatPercent } from './format.js';
import { minimap } from './minimap.js';
import { getPrefs } from './prefs.js';
import { addressOf } from './router.js';
import { matchesOf } from './span_filter.js';
import { spanDetail } from './span_detail.js';
import { formatTime } from './time.js';
import { spansLike, traceModel } from './trace_model.js';
import { waterfall } from './waterfall.js';

const VIEWS = [
  ['', 'Waterfall'],
  ['graph', 'Graph'],
  ['flame', 'Flame graph'],
  ['table', 'Operations'],
  ['compare', 'Compare'],
];

export function mount(root, context) {
  const id = context.argument.toLowerCase();
  const page = h('div', { class: 'trace loading' });
  const asked = new AbortController();
  let shown = null;
  root.append(page);

  async function load() {
    let answer;
    try {
      answer = await getJson(`api/v2/traces/${encodeURIComponent(id)}`, {}, asked.signal);
    } catch (error) {
      if (error.name === 'AbortError') return;
      page.classList.remove('loading');
      put(
        page,
        h(
          'div',
          { class: 'page' },
          error.status === 404
            ? nothing(
                `No trace ${id}`,
                'It has not been received, or its time is over and it has been removed.',
              )
            : h('div', { class: 'notice bad', role: 'alert' }, error.message),
        ),
      );
      return;
    }
    page.classList.remove('loading');
    const model = traceModel(answer);
    if (model.spans.length === 0) {
      put(
        page,
        h('div', { class: 'page' }, nothing(`No trace ${id}`, 'No span of it has been received.')),
      );
      return;
    }
    shown = tracePage(page, id, model, () => context);
    shown.update();
  }

  load();
  return {
    update(next) {
      context = next;
      shown?.update();
    },
    destroy() {
      asked.abort();
      shown?.destroy();
    },
    keys: (event) => shown?.keys(event),
  };
}

function header(id, model, context) {
  const [first] = model.spans;
  const copy = h(
    'button',
    { class: 'button small', type: 'button', onclick: () => copyText(copy, location.href) },
    icon('link'),
    'Copy link',
  );
  const fact = (name, value, bad) =>
    h('div', {}, h('dt', {}, name), h('dd', { class: bad ? 'bad' : '' }, value));
  const path = `api/v2/traces/${id}`;
  const snippet = `import tocsin\ntrace = tocsin.connect(${JSON.stringify(location.origin + BASE.replace(/\/$/, ''))}).trace(${JSON.stringify(id)})`;
  const python = h(
    'button',
    {
      class: 'button small',
      type: 'button',
      title: snippet,
      onclick: () => copyText(python, snippet),
    },
    'Python',
  );
  return h(
    'header',
    { class: 'trace-head' },
    h(
      'div',
      { class: 'row wrap' },
      h(
        'h1',
        { class: 'row' },
        serviceDot(first.service),
        h('span', { class: 'soft' }, first.service),
        h('span', {}, first.name || 'without a name'),
      ),
      h('code', { class: 'faint' }, id),
      h('div', { class: 'grow' }),
      h(
        'a',
        {
          class: 'button small',
          href: addressOf('search', '', {
            q: spansLike(first),
          }),
        },
        'Traces like this',
      ),
      h('a', { class: 'button small', href: apiUrl(path), download: `${id}.json` }, 'JSON'),
      python,
      copy,
    ),
    h(
      'dl',
      { class: 'trace-facts' },
      fact('Began', formatTime(model.startMs, getPrefs().utc)),
      fact('Duration', formatDuration(model.duration)),
      fact('Spans', formatCount(model.spans.length)),
      fact('Services', formatCount(model.services.length)),
      fact('Errors', formatCount(model.errors), model.errors > 0),
      model.orphans > 0 && fact('Without their parent', formatCount(model.orphans)),
    ),
    h(
      'div',
      { class: 'legend' },
      model.services.slice(0, 14).map((one) =>
        h(
          'button',
          {
            type: 'button',
            class: 'legend-item',
            title: `Spans of ${one.name}`,
            onclick: () =>
              context().setParams(
                { find: `service=${/\s/.test(one.name) ? `"${one.name}"` : one.name}` },
                { replace: true },
              ),
          },
          serviceDot(one.name),
          one.name,
          h(
            'span',
            { class: 'faint' },
            formatPercent(
              one.self /
                Math.max(
                  1,
                  model.services.reduce((sum, s) => sum + s.self, 0),
                ),
            ),
          ),
        ),
      ),
      model.services.length > 14 &&
        h('span', { class: 'faint' }, `and ${model.services.length - 14} more`),
    ),
  );
}

function tracePage(page, id, model, context) {
  const { spans } = model;
  const segments = criticalPath(model);
  const byId = new Map([...spans].reverse().map((span) => [span.id, span.index]));
  const mini = h('div', { class: 'mini' });
  const fall = h('div', { class: 'wf' });
  const other = h('div', { class: 'other' });
  const side = h('div', { class: 'side', hidden: true });
  const count = h('span', { class: 'soft num find-count', role: 'status' });
  const find = h('input', {
    class: 'input',
    type: 'search',
    placeholder: 'Filter: text, key=value, error, >10ms',
    'aria-label': 'Filter of spans',
    'data-focus': 'find',
    oninput: () => context().setParams({ find: find.value }, { replace: true }),
    onkeydown: findKeys,
  });
  const critical = h(
    'button',
    {
      class: 'button small',
      type: 'button',
      title: 'What the trace was waiting for',
      onclick: () =>
        context().setParams(
          { path: context().params.path === 'off' ? '' : 'off' },
          { replace: true },
        ),
    },
    'Critical path',
  );
  const tabs = VIEWS.map(([name, title]) =>
    h(
      'button',
      {
        role: 'tab',
        type: 'button',
        'data-view': name,
        onclick: () => context().setParams({ view: name }),
      },
      title,
    ),
  );
  const tools = h(
    'div',
    { class: 'row fall-tools' },
    find,
    h(
      'div',
      { class: 'row tight' },
      h(
        'button',
        {
          class: 'button small square',
          type: 'button',
          'aria-label': 'Match before',
          title: 'Match before (p)',
          onclick: () => step(-1),
        },
        icon('up'),
      ),
      h(
        'button',
        {
          class: 'button small square',
          type: 'button',
          'aria-label': 'Next match',
          title: 'Next match (n)',
          onclick: () => step(1),
        },
        icon('down'),
      ),
    ),
    count,
    h('div', { class: 'grow' }),
    critical,
    h(
      'button',
      { class: 'button small', type: 'button', onclick: () => rows.collapse(1) },
      'Collapse',
    ),
    h(
      'button',
      { class: 'button small', type: 'button', onclick: () => rows.collapse(Infinity) },
      'Expand',
    ),
  );
  const left = h('div', { class: 'left' }, mini, fall);
  put(
    page,
    header(id, model, context),
    h(
      'div',
      { class: 'row trace-bar' },
      h('div', { class: 'tabs', role: 'tablist', 'aria-label': 'Views of the trace' }, tabs),
      tools,
    ),
    h('div', { class: 'split' }, left, other, side),
  );
  context().setTitle(`${spans[0].service}: ${spans[0].name}`);

  const rows = waterfall(fall, model, {
    critical: segments,
    onSelect: (index) => context().setParams({ span: spans[index]?.id ?? '' }, { replace: true }),
  });
  const map = minimap(mini, model, (from, to) => {
    rows.setWindow(from * model.duration, to * model.duration);
    clearTimeout(later);
    later = setTimeout(
      () =>
        context().setParams(
          { window: from === 0 && to === 1 ? '' : `${from.toFixed(5)}-${to.toFixed(5)}` },
          { replace: true },
        ),
      200,
    );
  });
  const endResize = onResize(fall, () => {
    rows.resize();
    map.resize();
  });
  let later = 0;
  let matches = null;
  let view = null;
  let leave = () => {};

  function findKeys(event) {
    if (event.key === 'Enter') {
      event.preventDefault();
      step(event.shiftKey ? -1 : 1);
    }
  }

  function step(direction) {
    if (!matches?.length) return;
    const at = rows.selected();
    const next =
      direction > 0
        ? (matches.find((i) => i > at) ?? matches[0])
        : (matches.findLast((i) => i < at) ?? matches.at(-1));
    rows.select(next);
  }

  function showFind(text) {
    if (document.activeElement !== find) find.value = text;
    matches = matchesOf(spans, text);
    rows.setMatches(matches);
    count.textContent = matches
      ? `${formatCount(matches.length)} of ${formatCount(spans.length)}`
      : '';
  }

  function showView(name) {
    for (const tab of tabs) tab.setAttribute('aria-selected', String(tab.dataset.view === name));
    left.hidden = name !== '';
    other.hidden = name === '';
    tools.hidden = name !== '';
    leave();
    leave = () => {};
    put(other);
    other.className = `other ${name}`;
    const toSpan = (index) => context().setParams({ view: '', span: spans[index].id });
    if (name === 'graph') {
      import('./trace_graph.js').then(({ traceGraph }) =>
        traceGraph(other, model, {
          onOpen: (node) =>
            context().setParams({
              view: '',
              find: `service=${JSON.stringify(node.service)}${node.name ? ` name=${JSON.stringify(node.name)}` : ''}`,
            }),
        }),
      );
    } else if (name === 'flame')
      import('./flame.js').then(({ flame }) => {
        leave = flame(other, model);
      });
    else if (name === 'table')
      import('./trace_table.js').then(({ traceTable }) =>
        traceTable(other, model, { onOpen: toSpan }),
      );
    else if (name === 'compare') {
      const at = context().params.other || '';
      import('./trace_compare.js').then(({ traceCompare }) => {
        leave = traceCompare(other, model, {
          id,
          other: at,
          onOther: (next) => context().setParams({ other: next }),
        });
      });
    } else rows.resize();
  }

  function showSpan(spanId) {
    const index = byId.get(spanId) ?? -1;
    if (index !== rows.selected()) rows.select(index, false);
    side.hidden = index < 0;
    if (index >= 0 && side.dataset.span !== spanId + getPrefs().utc) {
      put(
        side,
        spanDetail(spans[index], {
          model,
          utc: getPrefs().utc,
          onClose: () => context().setParams({ span: '' }, { replace: true }),
        }),
      );
      side.scrollTop = 0;
    }
    side.dataset.span = index < 0 ? '' : spanId + getPrefs().utc;
  }

  function showWindow(text) {
    const match = /^(\d\.\d+)-(\d\.\d+)$/.exec(text);
    const [from, to] = match ? [Number(match[1]), Number(match[2])] : [0, 1];
    map.setWindow(from, to);
    rows.setWindow(from * model.duration, to * model.duration);
  }

  let last = {};
  return {
    update() {
      const {
        find: text = '',
        span = '',
        window: window_ = '',
        path = '',
        view: wanted = '',
        other: beside = '',
      } = context().params;
      const nextView = VIEWS.some(([name]) => name === wanted) ? wanted : '';
      if (nextView !== view || (nextView === 'compare' && beside !== last.beside))
        showView(nextView);
      view = nextView;
      if (text !== last.text) showFind(text);
      if (window_ !== last.window_) showWindow(window_);
      if (path !== last.path) rows.setCritical(path === 'off' ? null : segments);
      critical.setAttribute('aria-pressed', String(path !== 'off'));
      last = { text, window_, path, beside };
      showSpan(span);
    },
    keys(event) {
      if (event.key === 'Escape') context().setParams({ span: '' }, { replace: true });
      else if (event.key === 'n') step(1);
      else if (event.key === 'p') step(-1);
      else if (view === '') rows.keys(event);
    },
    destroy() {
      clearTimeout(later);
      leave();
      endResize();
    },
  };
}
