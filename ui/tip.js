// A small window beside the pointer.

import { h, put } from './dom.js';

/** Returns {show(event, ...children), hide()}. */
export function tip() {
  const element = h('div', { class: 'tip', role: 'presentation', hidden: true });
  return {
    show(event, ...children) {
      if (!element.isConnected) document.body.append(element);
      put(element, children);
      element.hidden = false;
      const { width, height } = element.getBoundingClientRect();
      const left =
        event.clientX + 16 + width > innerWidth ? event.clientX - 16 - width : event.clientX + 16;
      element.style.left = `${Math.max(4, left)}px`;
      element.style.top = `${Math.max(4, Math.min(event.clientY + 12, innerHeight - height - 8))}px`;
    },
    hide() {
      element.remove();
      element.hidden = true;
    },
  };
}
