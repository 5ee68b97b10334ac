// Keys that mean the same on every page; a page may have more in keys(event).

const typing = (target) => target.matches?.('input, textarea, select, [contenteditable]');

/** `help` opens the list of keys; `page` gives the page that is shown. */
export function bindKeys({ help, page }) {
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (event.key === 'Escape' && typing(event.target)) {
      event.target.blur();
      return;
    }
    if (typing(event.target) || document.querySelector('dialog[open]')) return;
    if (event.key === '?') help();
    else if (event.key === '/' || event.key === 'f') focusField(event);
    else page()?.keys?.(event);
  });
}

/** `/` leads to the query, `f` to the filter; each to the other where there is only one. */
function focusField(event) {
  const wanted = event.key === '/' ? ['query', 'find'] : ['find', 'query'];
  const field = wanted
    .map((name) => document.querySelector(`main [data-focus="${name}"]`))
    .find(Boolean);
  if (!field) return;
  event.preventDefault();
  field.focus();
  field.select?.();
}

/**
 * A list whose rows j and k walk through: `rows()` gives the elements, `open(row)` is Enter. Returns
 * a page's keys(event).
 */
export function rowKeys(rows, open) {
  return (event) => {
    const all = rows();
    if (all.length === 0) return;
    const at = all.findIndex((row) => row.classList.contains('current'));
    let next = -1;
    if (event.key === 'j') next = Math.min(at + 1, all.length - 1);
    else if (event.key === 'k') next = Math.max(at - 1, 0);
    else if (
      event.key === 'Enter' &&
      at >= 0 &&
      event.target.tagName !== 'A' &&
      event.target.tagName !== 'BUTTON'
    )
      open(all[at]);
    if (next < 0) return;
    event.preventDefault();
    if (at >= 0) all[at].classList.remove('current');
    all[next].classList.add('current');
    all[next].scrollIntoView({ block: 'nearest' });
  };
}
