// An editor for one query: coloured text, a list of candidates, the place of an error.

import { h, put } from './dom.js';
import { errorPosition, tokens } from './query_text.js';

/**
 * opts: language ('traceql', 'promql'), label, placeholder, value, context(text, cursor),
 * candidates(context), onRun(text). Returns {element, value(), set(text), focus(), fail(message)}.
 */
export function editor(opts) {
  const id = `editor-${opts.language}`;
  const shown = h('pre', { 'aria-hidden': 'true' });
  const options = h('ul', {
    class: 'options',
    role: 'listbox',
    id: `${id}-options`,
    'aria-label': 'Suggestions',
  });
  const popup = h('div', { class: 'popup', hidden: true }, options);
  const error = h('div', { class: 'editor-error', role: 'alert', id: `${id}-error` });
  const input = h('textarea', {
    class: 'query',
    spellcheck: 'false',
    autocomplete: 'off',
    autocapitalize: 'off',
    rows: '1',
    placeholder: opts.placeholder,
    'aria-label': opts.label,
    role: 'combobox',
    'aria-autocomplete': 'list',
    'aria-expanded': 'false',
    'aria-controls': options.id,
    'aria-describedby': error.id,
    'data-focus': 'query',
  });
  const box = h('div', { class: 'editor-box' }, shown, input);
  const element = h('div', { class: 'editor' }, box, popup, error);
  let wrongAt = -1;
  let choices = [];
  let chosen = -1;
  let asked = 0;

  function draw() {
    const spans = tokens(input.value, opts.language).map(({ text, kind, start }) => {
      const wrong = wrongAt >= 0 && wrongAt >= start && wrongAt < start + text.length;
      return h('span', { class: `t-${kind}${wrong ? ' t-wrong' : ''}` }, text);
    });
    const last = h(
      'span',
      { class: wrongAt >= input.value.length && wrongAt >= 0 ? 't-wrong' : '' },
      wrongAt >= input.value.length && wrongAt >= 0 ? '\u00a0\u00a0' : '\u200b',
    );
    put(shown, spans, last);
  }

  function close() {
    asked += 1;
    choices = [];
    popup.hidden = true;
    input.setAttribute('aria-expanded', 'false');
    input.removeAttribute('aria-activedescendant');
  }

  function choose(index) {
    chosen = index;
    [...options.children].forEach((li, i) => li.setAttribute('aria-selected', String(i === index)));
    if (index >= 0) {
      options.children[index].scrollIntoView({ block: 'nearest' });
      input.setAttribute('aria-activedescendant', options.children[index].id);
    } else input.removeAttribute('aria-activedescendant');
  }

  function take(index) {
    const context = opts.context(input.value, input.selectionStart);
    const { text } = choices[index];
    let end = input.selectionStart;
    if (context.kind === 'value' && input.value[end] === '"' && text.startsWith('"')) end += 1;
    input.setRangeText(text, context.from, end, 'end');
    close();
    changed();
    if (/[.:({ ]$/.test(text)) suggest();
  }

  function place(from) {
    // The popup stands under the word: measured on the copy of the text below the text area.
    const range = document.createRange();
    let rest = from;
    let node = shown.firstChild;
    while (node?.nextSibling && rest >= node.textContent.length) {
      rest -= node.textContent.length;
      node = node.nextSibling;
    }
    range.setStart(
      node.firstChild || node,
      node.firstChild ? Math.min(rest, node.textContent.length) : 0,
    );
    range.collapse(true);
    const at = range.getClientRects()[0] || shown.getBoundingClientRect();
    const frame = element.getBoundingClientRect();
    popup.style.left = `${Math.max(0, Math.min(at.left - frame.left - 10, frame.width - 320))}px`;
    popup.style.top = `${at.top - frame.top + 26}px`;
  }

  async function suggest() {
    const mine = ++asked;
    const context = opts.context(input.value, input.selectionStart);
    let found = [];
    try {
      found = await opts.candidates(context);
    } catch {
      // Suggestions are a help, not a need: the query itself will say what is wrong.
    }
    if (mine !== asked || document.activeElement !== input) return;
    const written = input.value.slice(context.from, input.selectionStart);
    choices = found.filter((one) => one.text !== written);
    if (choices.length === 0) {
      close();
      return;
    }
    put(
      options,
      choices.map((one, i) =>
        h(
          'li',
          {
            role: 'option',
            id: `${id}-option-${i}`,
            onmousedown: (event) => {
              event.preventDefault();
              take(i);
            },
          },
          h('span', {}, one.text),
          one.hint && h('span', { class: 'soft' }, one.hint),
        ),
      ),
    );
    popup.hidden = false;
    input.setAttribute('aria-expanded', 'true');
    choose(context.word ? 0 : -1);
    place(context.from);
  }

  function changed() {
    wrongAt = -1;
    error.textContent = '';
    box.classList.remove('bad');
    draw();
    opts.onChange?.(input.value);
  }

  function key(event) {
    const open = !popup.hidden;
    if (
      event.key === 'Enter' &&
      !event.shiftKey &&
      !(open && chosen >= 0 && !event.ctrlKey && !event.metaKey)
    ) {
      event.preventDefault();
      close();
      opts.onRun(input.value);
    } else if (open && (event.key === 'Enter' || event.key === 'Tab') && chosen >= 0) {
      event.preventDefault();
      take(chosen);
    } else if (open && (event.key === 'ArrowDown' || event.key === 'ArrowUp')) {
      event.preventDefault();
      const step = event.key === 'ArrowDown' ? 1 : -1;
      choose((chosen + step + choices.length) % choices.length);
    } else if (event.key === ' ' && event.ctrlKey) {
      event.preventDefault();
      suggest();
    } else if (event.key === 'Escape') {
      if (open) event.stopPropagation();
      close();
    }
  }

  input.addEventListener('input', () => {
    changed();
    suggest();
  });
  input.addEventListener('keydown', key);
  input.addEventListener('blur', close);
  input.addEventListener('click', () => {
    if (popup.hidden && input.value === '') suggest();
    else close();
  });
  input.value = opts.value || '';
  draw();

  return {
    element,
    value: () => input.value,
    set(text) {
      if (text === input.value) return;
      input.value = text;
      changed();
    },
    focus: () => input.focus(),
    /** Shows an error of the server, at its place if it names one; '' takes it away. */
    fail(message) {
      const where = errorPosition(message, input.value);
      wrongAt = message ? where.offset : -1;
      error.textContent = wrongAt >= 0 ? `At ${wrongAt + 1}: ${where.message}` : message;
      box.classList.toggle('bad', message !== '');
      draw();
    },
  };
}
