// The range of time that a page looks at: relative or absolute, in local time or UTC.

import { h, icon, put } from './dom.js';
import { getPrefs, setPref } from './prefs.js';
import { formatTime, parseTime } from './time.js';

const QUICK = [
  ['5m', '5 minutes'],
  ['15m', '15 minutes'],
  ['1h', 'hour'],
  ['3h', '3 hours'],
  ['6h', '6 hours'],
  ['12h', '12 hours'],
  ['1d', 'day'],
  ['2d', '2 days'],
  ['7d', '7 days'],
  ['30d', '30 days'],
];

/** What the button says: "Last hour", or both ends. */
export function rangeText({ from, to, start, end }, utc) {
  if (to === 'now' && from.startsWith('now-')) {
    const quick = QUICK.find(([span]) => from === `now-${span}`);
    return `Last ${quick ? quick[1] : from.slice(4)}`;
  }
  return `${formatTime(start, utc, 'm')} – ${formatTime(end, utc, 'm').slice(formatTime(start, utc, 'm').slice(0, 10) === formatTime(end, utc, 'm').slice(0, 10) ? 11 : 0)}`;
}

const REFRESH = [
  ['', 'Off'],
  ['5s', '5 s'],
  ['10s', '10 s'],
  ['30s', '30 s'],
  ['1m', '1 min'],
];

/** `onChange({from, to, refresh})`. Returns {element, set(range, refresh)}. */
export function timePicker(onChange) {
  let range = null;
  const text = h('span', {});
  const button = h(
    'button',
    {
      class: 'button',
      type: 'button',
      'aria-haspopup': 'dialog',
      'aria-expanded': 'false',
      'aria-label': 'Range of time',
      onclick: toggle,
    },
    icon('clock'),
    text,
    icon('down'),
  );
  const reload = h(
    'button',
    {
      class: 'button square',
      type: 'button',
      'aria-label': 'Ask again',
      title: 'Ask again',
      onclick: () => onChange({}),
    },
    icon('refresh'),
  );
  const every = h(
    'select',
    {
      class: 'select',
      'aria-label': 'Ask again every',
      title: 'Ask again every',
      onchange: () => onChange({ refresh: every.value }),
    },
    REFRESH.map(([value, name]) => h('option', { value }, name)),
  );
  const popup = h('div', {
    class: 'popup',
    role: 'dialog',
    'aria-label': 'Range of time',
    hidden: true,
  });
  const element = h('div', { class: 'range row' }, button, reload, every, popup);

  function toggle() {
    if (popup.hidden) draw();
    popup.hidden = !popup.hidden;
    button.setAttribute('aria-expanded', String(!popup.hidden));
    if (!popup.hidden) popup.querySelector('input').focus();
  }

  function close() {
    popup.hidden = true;
    button.setAttribute('aria-expanded', 'false');
  }

  function draw() {
    const { utc } = getPrefs();
    const shown = (name, time) =>
      range[name].startsWith('now') ? range[name] : formatTime(time, utc, 's');
    const from = h('input', {
      class: 'input mono',
      name: 'from',
      value: shown('from', range.start),
      autocomplete: 'off',
    });
    const to = h('input', {
      class: 'input mono',
      name: 'to',
      value: shown('to', range.end),
      autocomplete: 'off',
    });
    const problem = h('div', { class: 'editor-error', role: 'alert' });
    const submit = (event) => {
      event.preventDefault();
      const now = Date.now();
      const [start, end] = [parseTime(from.value, now, utc), parseTime(to.value, now, utc)];
      if (!(start < end)) {
        problem.textContent =
          'Write times such as now-3h or 2026-11-23 04:00, the earlier one first.';
        return;
      }
      close();
      const kept = (field, time) =>
        field.value.trim().startsWith('now')
          ? field.value.replace(/\s/g, '')
          : String(Math.round(time));
      onChange({ from: kept(from, start), to: kept(to, end) });
    };
    put(
      popup,
      h(
        'div',
        { class: 'quick' },
        QUICK.map(([span, name]) =>
          h(
            'button',
            {
              type: 'button',
              'aria-pressed': String(range.from === `now-${span}` && range.to === 'now'),
              onclick: () => {
                close();
                onChange({ from: `now-${span}`, to: 'now' });
              },
            },
            `Last ${name}`,
          ),
        ),
      ),
      h(
        'form',
        { onsubmit: submit },
        h('label', { class: 'field' }, 'From', from),
        h('label', { class: 'field' }, 'To', to),
        problem,
        h(
          'label',
          { class: 'check' },
          h('input', {
            type: 'checkbox',
            checked: utc,
            onchange: (event) => {
              setPref('utc', event.target.checked);
              draw();
            },
          }),
          'Times in UTC',
        ),
        h('button', { class: 'button primary', type: 'submit' }, 'Apply'),
      ),
    );
  }

  document.addEventListener('mousedown', (event) => {
    if (!element.contains(event.target)) close();
  });
  element.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape' || popup.hidden) return;
    event.stopPropagation();
    close();
    button.focus();
  });
  return {
    element,
    set(next, refresh = '') {
      range = next;
      every.value = REFRESH.some(([value]) => value === refresh) ? refresh : '';
      text.textContent = rangeText(range, getPrefs().utc);
    },
  };
}
