// A silence to be made: matchers, for how long, by whom and why.

import { h } from './dom.js';
import { parseSpan } from './time.js';

const MATCHER = /^\s*([A-Za-z_][\w.]*)\s*(=~|!~|!=|=)\s*(?:"((?:[^"\\]|\\.)*)"|(.*?))\s*$/;

/** Lines `name="value"` as the matchers of Alertmanager's API; throws with the line that is none. */
export function parseMatchers(text) {
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const match = MATCHER.exec(line);
      if (!match) throw new Error(`Not a matcher: ${line.trim()}. Write name="value", one a line.`);
      const [, name, op, quoted, plain] = match;
      const value = quoted === undefined ? plain : JSON.parse(`"${quoted}"`);
      return { name, value, isRegex: op.endsWith('~'), isEqual: !op.startsWith('!') };
    });
}

/** `matchers`: [{name, value}] to begin with; `send(silence)` may throw, and its error is shown. */
export function openSilence(matchers, send) {
  const lines = h('textarea', {
    class: 'input area mono',
    rows: String(Math.max(3, matchers.length)),
    required: true,
    spellcheck: 'false',
    value: matchers.map(({ name, value }) => `${name}=${JSON.stringify(value)}`).join('\n'),
  });
  const span = h('input', { class: 'input', value: '2h', required: true });
  const author = h('input', { class: 'input', required: true, autocomplete: 'username' });
  const comment = h('input', { class: 'input', required: true });
  const problem = h('div', { class: 'editor-error', role: 'alert' });
  const dialog = h(
    'dialog',
    { 'aria-labelledby': 'silence-title', onclose: () => dialog.remove() },
    h('h2', { id: 'silence-title' }, 'New silence'),
    h(
      'form',
      { onsubmit: submit },
      h('label', { class: 'field' }, 'Alerts with all of these labels, one a line', lines),
      h('label', { class: 'field' }, 'For, such as 30m or 2h', span),
      h('label', { class: 'field' }, 'Your name', author),
      h('label', { class: 'field' }, 'Why', comment),
      problem,
      h(
        'div',
        { class: 'row' },
        h('button', { class: 'button primary', type: 'submit' }, 'Silence'),
        h('button', { class: 'button', type: 'button', onclick: () => dialog.close() }, 'Cancel'),
      ),
    ),
  );

  async function submit(event) {
    event.preventDefault();
    try {
      const length = parseSpan(span.value.trim());
      if (!(length > 0)) throw new Error('Write how long it lasts, such as 30m, 2h or 1d.');
      const now = Date.now();
      await send({
        matchers: parseMatchers(lines.value),
        startsAt: new Date(now).toISOString(),
        endsAt: new Date(now + length).toISOString(),
        createdBy: author.value.trim(),
        comment: comment.value.trim(),
      });
      dialog.close();
    } catch (error) {
      problem.textContent = error.message;
    }
  }

  document.body.append(dialog);
  dialog.showModal();
}
