// What is different about a selection of spans, attribute by attribute.

import { h, put } from './dom.js';
import { formatPercent } from './format.js';

const SHOWN = 9;

/** Draws into `el`; opts: skip (attributes that the selection itself fixes), href(attribute, one of its values). */
export function differencesView(el, differences, { skip, href }) {
  const shown = differences.filter((one) => !skip.includes(one.attribute)).slice(0, SHOWN);
  if (shown.length === 0) {
    put(
      el,
      h(
        'p',
        { class: 'soft pad' },
        'Nothing stands out: all attributes are as frequent in the selection as elsewhere.',
      ),
    );
    return;
  }
  put(
    el,
    h(
      'div',
      { class: 'differences' },
      shown.map((one) =>
        h(
          'div',
          { class: 'difference' },
          h('h3', { class: 'mono cut', title: one.attribute }, one.attribute),
          one.values.map((value) =>
            h(
              'a',
              {
                class: 'difference-row',
                href: href(one.attribute, value),
                title: 'Traces of the selection with this value',
              },
              h('span', { class: 'cut' }, value.value === '' ? '(empty)' : value.value),
              h(
                'span',
                { class: 'pair' },
                h('i', { class: 'in', style: { width: `${100 * value.selection}%` } }),
                h('i', { class: 'out', style: { width: `${100 * value.baseline}%` } }),
              ),
              h(
                'span',
                { class: 'num' },
                formatPercent(value.selection),
                h('span', { class: 'faint' }, ` / ${formatPercent(value.baseline)}`),
              ),
            ),
          ),
        ),
      ),
    ),
  );
}
