// The colour of a service: the same on every page and in every browser, by a hash of its name.
// Twelve hues that stay apart for the common kinds of colour blindness (after Okabe, Ito and Tol), each
// in two tones; the theme says how light they are (--s0 to --s23 in theme.css). A name always stands
// beside.

import { h } from './dom.js';

const HUES = 12;
export const COLOURS = 2 * HUES;

// Chosen so that names that many systems have (cart, checkout, payment, ...) get colours of their own.
const SEED = 60912;

/** As FNV-1a, finished so that names that differ in the last letter are far apart. */
export function hashOf(text) {
  let hash = SEED;
  for (let i = 0; i < text.length; i += 1) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

export const colourIndex = (service) => hashOf(service) % COLOURS;

/** For styles: "var(--s3)". */
export const colourOf = (service) => `var(--s${colourIndex(service)})`;

/** For lines of a plot, in their order. */
export const lineColour = (index) =>
  `var(--s${((index * 5) % HUES) + (index % COLOURS < HUES ? 0 : HUES)})`;

/** What a colour is now, for canvases, which cannot read variables. `colour` is "var(--name)". */
export function resolveColour(colour) {
  const probe = document.createElement('i');
  probe.style.color = colour;
  document.body.append(probe);
  const resolved = getComputedStyle(probe).color;
  probe.remove();
  return resolved;
}

/** The square of a service's colour; of a grey one without a service. */
export const serviceDot = (service) =>
  h('span', {
    class: 'dot',
    style: { '--dot': service ? colourOf(service) : 'var(--line-strong)' },
  });

/** Square and name. */
export const serviceName = (service) => h('span', { class: 'row' }, serviceDot(service), service);
