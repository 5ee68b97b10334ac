// Elements from plain values. Text always becomes text nodes: names and attributes of spans are
// written by others, and nothing here ever parses them as markup.

const SVG = 'http://www.w3.org/2000/svg';

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (name === 'style') {
      // By the object model: style attributes are forbidden by the content security policy.
      for (const [key, text] of Object.entries(value)) element.style.setProperty(key, text);
    } else if (name === 'value') element.value = value;
    else element.setAttribute(name, value === true ? '' : value);
  }
  append(element, children);
  return element;
}

function append(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child === undefined || child === null || child === false) continue;
    element.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
}

/** An HTML element. `on...` attributes are listeners, `style` is an object of properties. */
export function h(name, attributes, ...children) {
  return fill(document.createElement(name), attributes, children);
}

/** The same for SVG. */
export function s(name, attributes, ...children) {
  return fill(document.createElementNS(SVG, name), attributes, children);
}

/** Replaces everything in `element`. */
export function put(element, ...children) {
  element.textContent = '';
  append(element, children);
  return element;
}

/** A table of rows (`tr`) under heads: texts, or [text, class]. */
export function table(heads, rows, className = '') {
  const head = ([text, kind]) => h('th', { scope: 'col', class: kind }, text);
  return h(
    'table',
    { class: `table ${className}` },
    h(
      'thead',
      {},
      h(
        'tr',
        {},
        heads.map((one) => head([one].flat())),
      ),
    ),
    h('tbody', {}, rows),
  );
}

const ICONS = {
  search: 'M7 2.500a4.500 4.500 0 1 0 0 9 4.500 4.500 0 0 0 0-9zM10.300 10.300 14 14',
  close: 'M4 4l8 8M12 4l-8 8',
  chevron: 'M6 3.500 10.500 8 6 12.500',
  down: 'M3.500 6 8 10.500 12.500 6',
  refresh: 'M13.500 8a5.500 5.500 0 1 1-1.700-4M13.500 2v3h-3',
  clock: 'M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2zM8 4.500V8l2.500 1.500',
  sun: 'M8 5a3 3 0 1 0 0 6 3 3 0 0 0 0-6zM8 1v1.500M8 13.500V15M1 8h1.500M13.500 8H15M3 3l1 1M12 12l1 1M13 3l-1 1M4 12l-1 1',
  moon: 'M13.500 9.500A6 6 0 0 1 6.500 2.500a6 6 0 1 0 7 7z',
  auto: 'M8 2a6 6 0 1 0 0 12zM8 2a6 6 0 0 1 0 12',
  help: 'M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2zM6.200 6.300a1.800 1.800 0 1 1 2.600 1.600c-.6.3-.8.6-.8 1.200M8 11.300v.1',
  link: 'M6.500 9.500l3-3M7 4.500 8.500 3a2.800 2.800 0 0 1 4 4L11 8.500M9 11.500 7.500 13a2.800 2.800 0 0 1-4-4L5 7.500',
  alert: 'M8 2.200 14.500 13.500h-13zM8 6.500v3.200M8 11.500v.1',
  up: 'M3.500 10 8 5.500 12.500 10',
};

/** A 16 by 16 pixel drawing in the colour of the text; decoration, so that readers pass over it. */
export function icon(name) {
  return s(
    'svg',
    { viewBox: '0 0 16 16', class: 'icon', 'aria-hidden': 'true' },
    s('path', { d: ICONS[name] }),
  );
}

/** Runs `draw` when the size of `element` changes, and once now; returns what ends that. */
export function onResize(element, draw) {
  let width = -1;
  let height = -1;
  const observer = new ResizeObserver(() => {
    if (element.clientWidth === width && element.clientHeight === height) return;
    width = element.clientWidth;
    height = element.clientHeight;
    draw();
  });
  observer.observe(element);
  return () => observer.disconnect();
}

/** Copies and tells so on the button for a moment. */
export async function copyText(button, text) {
  const before = button.textContent;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = 'Copied';
  } catch {
    button.textContent = 'Not allowed';
  }
  setTimeout(() => {
    button.textContent = before;
  }, 1200);
}
