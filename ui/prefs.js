// What the reader has chosen for this browser: theme and time zone. Kept in local storage where that
// is allowed. Everything else is in the address.

const listeners = new Set();
const KEY = 'tocsin';

function stored() {
  try {
    return JSON.parse(localStorage.getItem(KEY)) || {};
  } catch {
    return {};
  }
}

const prefs = { theme: 'auto', utc: false, ...stored() };

/** `theme`: auto, light or dark; `utc`: whether times are shown in UTC. */
export const getPrefs = () => prefs;

export function setPref(name, value) {
  prefs[name] = value;
  try {
    localStorage.setItem(KEY, JSON.stringify(prefs));
  } catch {
    // Private windows may refuse; the choice then lasts as long as the page.
  }
  applyTheme();
  for (const listener of listeners) listener(name);
}

/** Calls `listener` with the name of what changes; returns what ends that. */
export function onPrefs(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function applyTheme() {
  if (prefs.theme === 'auto') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = prefs.theme;
}
