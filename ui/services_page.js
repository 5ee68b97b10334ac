// All services: the map of their calls, and a table of rate, errors and duration.

import { serviceDot } from './colour.js';
import { h, put } from './dom.js';
import { howToSend } from './empty.js';
import { formatDuration, formatPercent, formatRate } from './format.js';
import { graphView } from './graph_view.js';
import { rowKeys } from './keys.js';
import { addressOf } from './router.js';
import { cardsOf, serviceGraph } from './service_graph.js';

const ORDERS = {
  name: (a, b) => (a.name < b.name ? -1 : 1),
  rate: (a, b) => b.rate - a.rate,
  errors: (a, b) => b.errorRatio - a.errorRatio || b.rate - a.rate,
  p95: (a, b) => (b.p95 || 0) - (a.p95 || 0),
};

export function mount(root, context) {
  let asked = null;
  let graph = null;
  const failure = h('div', { class: 'notice bad', role: 'alert', hidden: true });
  const find = h('input', {
    class: 'input',
    type: 'search',
    placeholder: 'Find a service',
    'aria-label': 'Find a service',
    'data-focus': 'find',
    oninput: () => context.setParams({ find: find.value }, { replace: true }),
  });
  const map = h('div', { class: 'map-body' });
  const mapCard = h(
    'section',
    { class: 'card map', 'aria-label': 'Map of services', hidden: true },
    map,
  );
  const table = h('section', { 'aria-label': 'Services' });
  root.append(
    h(
      'div',
      { class: 'page' },
      h('div', { class: 'row' }, h('h1', {}, 'Services'), h('div', { class: 'grow' }), find),
      failure,
      mapCard,
      table,
    ),
  );

  async function ask() {
    asked?.abort();
    asked = new AbortController();
    table.classList.add('loading');
    try {
      graph = await serviceGraph(context.range, asked.signal);
      failure.hidden = true;
      draw();
    } catch (error) {
      if (error.name === 'AbortError') return;
      failure.textContent = error.message;
      failure.hidden = false;
    }
    table.classList.remove('loading');
  }

  const times = () => ({ from: context.params.from, to: context.params.to });

  function draw() {
    mapCard.hidden = graph.nodes.length === 0;
    if (graph.nodes.length === 0) {
      put(table, howToSend(context.range));
      return;
    }
    const { nodes, edges } = cardsOf(graph);
    graphView(map, nodes, edges, {
      onOpen: (node) => (node.peer ? undefined : context.go('service', node.title, times())),
    });
    drawTable();
  }

  function header(name, text, number) {
    const current = (context.params.sort || 'rate') === name;
    return h(
      'th',
      { class: number ? 'num' : '', scope: 'col', 'aria-sort': current ? 'descending' : undefined },
      h(
        'button',
        { type: 'button', onclick: () => context.setParams({ sort: name }, { replace: true }) },
        text,
        current ? ' ↓' : '',
      ),
    );
  }

  function drawTable() {
    const sought = (context.params.find || '').toLowerCase();
    const rows = graph.nodes
      .filter((one) => !one.peer && one.name.toLowerCase().includes(sought))
      .sort(ORDERS[context.params.sort] || ORDERS.rate);
    const fastest = Math.max(...rows.map((one) => one.rate), 1e-9);
    put(
      table,
      h(
        'div',
        { class: 'card scroll' },
        h(
          'table',
          { class: 'table services' },
          h(
            'thead',
            {},
            h(
              'tr',
              {},
              header('name', 'Service'),
              header('rate', 'Rate', true),
              h(
                'th',
                { class: 'bar-cell' },
                h('span', { class: 'sr-only' }, 'Share of the highest rate'),
              ),
              header('errors', 'Errors', true),
              header('p95', 'p95', true),
              h('th', { scope: 'col' }, h('span', { class: 'sr-only' }, 'Links')),
            ),
          ),
          h(
            'tbody',
            {},
            rows.map((one) =>
              h(
                'tr',
                {
                  class: 'link',
                  'data-service': one.name,
                  onclick: (event) => {
                    if (!event.target.closest('a')) context.go('service', one.name, times());
                  },
                },
                h(
                  'td',
                  {},
                  h(
                    'a',
                    { class: 'root', href: addressOf('service', one.name, times()) },
                    serviceDot(one.name),
                    h('b', {}, one.name),
                  ),
                ),
                h('td', { class: 'num' }, formatRate(one.rate)),
                h(
                  'td',
                  { class: 'bar-cell' },
                  h(
                    'span',
                    { class: 'meter' },
                    h('i', { style: { width: `${(100 * one.rate) / fastest}%` } }),
                  ),
                ),
                h(
                  'td',
                  { class: 'num' },
                  one.errorRatio > 0
                    ? h('span', { class: 'badge bad' }, formatPercent(one.errorRatio))
                    : h('span', { class: 'soft' }, '0 %'),
                ),
                h('td', { class: 'num' }, formatDuration(one.p95)),
                h(
                  'td',
                  { class: 'num' },
                  h(
                    'a',
                    {
                      href: addressOf('search', '', {
                        ...times(),
                        q: `{ resource.service.name = ${JSON.stringify(one.name)} }`,
                      }),
                    },
                    'Traces',
                  ),
                ),
              ),
            ),
          ),
        ),
      ),
    );
  }

  let last = '';
  function update(next) {
    context = next;
    if (document.activeElement !== find) find.value = next.params.find || '';
    const key = JSON.stringify([next.range.from, next.range.to, next.range.end]);
    if (key !== last) ask();
    else if (graph?.nodes.length > 0) drawTable();
    last = key;
  }

  update(context);
  return {
    update,
    destroy: () => asked?.abort(),
    keys: rowKeys(
      () => [...table.querySelectorAll('tr.link')],
      (row) => context.go('service', row.dataset.service, times()),
    ),
  };
}
