// How many alerts fire, beside the name of their page.

import { prometheus } from './api.js';

const EVERY_MS = 30e3;

export function watchAlerts(badge) {
  async function look() {
    if (document.hidden) return;
    try {
      const { alerts } = await prometheus('alerts');
      const count = alerts.filter((one) => one.state === 'firing').length;
      badge.textContent = count;
      badge.hidden = count === 0;
      badge.title = `${count} firing`;
    } catch {
      badge.hidden = true;
    }
  }
  look();
  setInterval(look, EVERY_MS);
}
