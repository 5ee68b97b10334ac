// The list of keys.

import { h } from './dom.js';

const KEYS = [
  [['/'], 'to the query'],
  [['f'], 'to the filter of spans, else to the query'],
  [['j'], ['k'], 'next row, row before'],
  [['Enter'], 'open the row; in a query: run it'],
  [['←'], ['→'], 'collapse and expand a span'],
  [['n'], ['p'], 'next match of the filter, match before'],
  [['Ctrl', 'Space'], 'suggestions'],
  [['Esc'], 'close, leave the field'],
  [['?'], 'this list'],
];

export function openHelp() {
  const close = h(
    'button',
    { class: 'button', type: 'button', onclick: () => dialog.close() },
    'Close',
  );
  const dialog = h(
    'dialog',
    { 'aria-labelledby': 'help-title', onclose: () => dialog.remove() },
    h('h2', { id: 'help-title' }, 'Keys'),
    h(
      'dl',
      {},
      KEYS.map((row) => [
        h(
          'dt',
          {},
          row
            .slice(0, -1)
            .map((keys, i) => [
              i > 0 && ' ',
              keys.map((key, j) => [j > 0 && ' + ', h('kbd', {}, key)]),
            ]),
        ),
        h('dd', {}, row.at(-1)),
      ]),
    ),
    h('p', { class: 'soft' }, 'Every view is in its address: copy it to share what you see.'),
    close,
  );
  document.body.append(dialog);
  dialog.showModal();
}
