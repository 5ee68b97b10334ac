// Labels and states of alerts, as all parts of their page show them.

import { h } from './dom.js';

const STATE = {
  firing: 'bad',
  pending: 'warn',
  inactive: 'good',
  active: 'good',
  expired: '',
  ok: 'good',
  err: 'bad',
  unknown: '',
  suppressed: '',
};

/** A word with the colour of its meaning, or of `kind`. */
export const badge = (text, kind = STATE[text]) =>
  h('span', { class: `badge ${kind || ''}` }, text);
/** Equal for equal labels, whatever their order. */
export const keyOf = (labels) =>
  JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));

/** Labels as small tags; those named in `without` are left out. */
export function labelList(labels, without = []) {
  return h(
    'span',
    { class: 'labels' },
    Object.entries(labels)
      .filter(([name]) => !without.includes(name))
      .map(([name, value]) => h('span', { class: 'label' }, `${name}=`, h('b', {}, value))),
  );
}
