// The frame around the pages: the bar, which page is shown, keys that work everywhere.

import { watchAlerts } from './alert_count.js';
import { BASE } from './api.js';
import { h, icon, put } from './dom.js';
import { bindKeys } from './keys.js';
import { applyTheme, getPrefs, onPrefs, setPref } from './prefs.js';
import { addressOf, PAGES, parseAddress } from './router.js';
import { parseSpan, rangeOf } from './time.js';
import { timePicker } from './time_picker.js';

const FASTEST_MS = 5e3;
const main = h('main', { id: 'main', tabindex: '-1' });
const picker = timePicker((range) => setParams(range));
const themeButton = h('button', {
  class: 'button plain square',
  type: 'button',
  onclick: nextTheme,
});
const links = new Map(
  Object.entries(PAGES)
    .filter(([, page]) => page.nav)
    .map(([name, page]) => [name, h('a', { href: addressOf(name) }, page.title)]),
);
const firing = h('span', { class: 'badge bad count', hidden: true });

let freshTimer = 0;
let shown = null; // {name, argument, page}
let location_ = parseAddress(location.pathname, location.search);
let turn = 0;
let moment = Date.now(); // What `now` is: moves on when somebody asks, not when a view changes.

/** What a page is given: where it is, how it changes that, and the range of time. */
function context() {
  return {
    argument: location_.argument,
    params: location_.params,
    range: rangeOf(location_.params, moment, getPrefs().utc),
    setParams,
    go,
    setTitle(text) {
      document.title = `${text} · Tocsin`;
    },
  };
}

/** Changes parameters of the address; `replace` leaves no step in the history. */
function setParams(params, { replace = false } = {}) {
  const address = addressOf(location_.page, location_.argument, { ...location_.params, ...params });
  open(address, replace);
}

function go(page, argument, params) {
  open(addressOf(page, argument, params), false);
}

function open(address, replace) {
  if (!replace) moment = Date.now();
  if (replace) history.replaceState(null, '', address);
  else if (address !== location.pathname + location.search) history.pushState(null, '', address);
  arrived();
}

function arrived() {
  location_ = parseAddress(location.pathname, location.search);
  show();
}

/** Asks again after the time that the address names, while somebody looks and the range moves on. */
function keepFresh() {
  clearTimeout(freshTimer);
  const every = parseSpan(location_.params.refresh || '');
  if (!(every >= FASTEST_MS) || !PAGES[location_.page].range) return;
  freshTimer = setTimeout(() => {
    if (document.hidden || !rangeOf(location_.params, moment).relative) keepFresh();
    else {
      moment = Date.now();
      show();
    }
  }, every);
}

async function show() {
  keepFresh();
  const mine = ++turn;
  const { page: name, argument } = location_;
  const about = PAGES[name];
  drawBar(name, about);
  if (shown?.name === name && shown.argument === argument) {
    shown.page.update(context());
    return;
  }
  document.title = `${about.title} · Tocsin`;
  let module;
  try {
    module = await about.load();
  } catch (error) {
    put(
      main,
      h(
        'div',
        { class: 'page' },
        h('div', { class: 'notice bad' }, `This page cannot be loaded: ${error.message}`),
      ),
    );
    return;
  }
  if (mine !== turn) return;
  shown?.page.destroy?.();
  put(main);
  main.scrollTop = 0;
  shown = { name, argument, page: module.mount(main, context()) };
  if (document.activeElement === document.body) main.focus({ preventScroll: true });
}

function drawBar(name, about) {
  const { from, to, refresh } = location_.params;
  for (const [page, link] of links) {
    const current = page === name || page === about.under;
    if (current) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
    link.href = addressOf(page, '', PAGES[page].range ? { from, to, refresh } : {});
  }
  picker.element.hidden = !about.range;
  picker.set(rangeOf(location_.params, moment, getPrefs().utc), location_.params.refresh);
}

function nextTheme() {
  const order = ['auto', 'light', 'dark'];
  setPref('theme', order[(order.indexOf(getPrefs().theme) + 1) % order.length]);
}

function drawTheme() {
  const { theme } = getPrefs();
  const text = `Theme: ${theme === 'auto' ? 'as the system' : theme}`;
  put(themeButton, icon({ auto: 'auto', light: 'sun', dark: 'moon' }[theme]));
  themeButton.title = text;
  themeButton.setAttribute('aria-label', text);
}

/** Links to pages are followed here, unless somebody wants them in another tab. */
function followed(event) {
  const link = event.target.closest?.('a[href]');
  if (
    !link ||
    event.defaultPrevented ||
    event.button !== 0 ||
    event.ctrlKey ||
    event.metaKey ||
    event.shiftKey
  )
    return;
  if (link.target || link.hasAttribute('download') || link.origin !== location.origin) return;
  if (!link.pathname.startsWith(`${BASE}ui/`)) return;
  event.preventDefault();
  open(link.pathname + link.search, false);
}

function start() {
  applyTheme();
  drawTheme();
  links.get('alerts').append(firing);
  watchAlerts(firing);
  const help = async () => (await import('./help.js')).openHelp();
  document.body.append(
    h(
      'a',
      {
        class: 'skip',
        href: '#main',
        onclick: (event) => {
          event.preventDefault();
          main.focus();
        },
      },
      'Skip to the page',
    ),
    h(
      'header',
      { class: 'bar' },
      h(
        'a',
        { class: 'brand', href: addressOf('search'), 'aria-label': 'Tocsin' },
        h('img', { src: `${BASE}ui/assets/icon.svg`, alt: '', width: '24', height: '24' }),
        h('span', {}, 'Tocsin'),
      ),
      h('nav', { 'aria-label': 'Pages' }, [...links.values()]),
      h('div', { class: 'space' }),
      picker.element,
      themeButton,
      h(
        'button',
        {
          class: 'button plain square',
          type: 'button',
          'aria-label': 'Keys and help',
          title: 'Keys and help (?)',
          onclick: help,
        },
        icon('help'),
      ),
    ),
    main,
  );
  document.addEventListener('click', followed);
  addEventListener('popstate', () => {
    moment = Date.now();
    arrived();
  });
  bindKeys({ help, page: () => shown?.page });
  onPrefs((name) => {
    drawTheme();
    if (shown) shown.page.update(context());
    if (name === 'utc')
      picker.set(rangeOf(location_.params, moment, getPrefs().utc), location_.params.refresh);
  });
  show();
}

start();
