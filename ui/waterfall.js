// Spans as bars under one another. Only the rows in sight are elements, so that a hundred thousand
// spans scroll like ten.

import { colourOf } from './colour.js';
import { h, icon, put } from './dom.js';
import { formatCount, formatDuration, ticks } from './format.js';

export const ROW = 28;
const INDENT = 13;
const DEEPEST = 18; // Deeper spans are not indented further, and tell their depth instead.
const BEYOND = 8; // Rows above and below what is in sight.

/** Indexes of the spans that are shown when those in `collapsed` hide what is below them. */
export function visibleRows(spans, collapsed) {
  const rows = [];
  for (let i = 0; i < spans.length;) {
    rows.push(i);
    i = collapsed.has(i) ? spans[i].after : i + 1;
  }
  return rows;
}

/** Round times of the window [from, to], in nanoseconds. */
export function windowTicks(from, to, width) {
  return ticks(from, to, Math.max(2, Math.floor(width / 130))).filter((t) => t >= from && t <= to);
}

/**
 * Draws into `el`. opts: critical (Map of criticalPath or null), onSelect(index), onRows(rows).
 * Returns {select, setWindow, setMatches, setCritical, collapse, move, toggle, selected}.
 */
export function waterfall(el, model, opts) {
  const { spans } = model;
  const collapsed = new Set();
  let rows = visibleRows(spans, collapsed);
  let window_ = [0, model.duration];
  let matches = null;
  let critical = opts.critical;
  let selected = -1;
  let drawn = 0;
  const head = h('div', { class: 'wf-ticks' });
  const names = h('div', { class: 'wf-head-name' }, 'Service and operation');
  const divider = h('div', {
    class: 'wf-divider',
    role: 'separator',
    'aria-orientation': 'vertical',
    'aria-label': 'Width of the names',
    tabindex: '0',
  });
  const body = h('div', { class: 'wf-body' });
  const scroller = h(
    'div',
    {
      class: 'wf-scroll',
      role: 'tree',
      tabindex: '0',
      'aria-label': `${formatCount(spans.length)} spans`,
      'data-focus': 'tree',
    },
    body,
  );
  put(el, h('div', { class: 'wf-head' }, names, divider, head), scroller);

  const percent = (t) => (100 * (t - window_[0])) / (window_[1] - window_[0]);

  function bar(span) {
    const left = percent(span.start);
    const width = (100 * span.duration) / (window_[1] - window_[0]);
    if (left > 100 || left + width < 0) {
      return [
        h(
          'span',
          { class: `wf-beyond ${left > 100 ? 'after' : 'before'}` },
          left > 100 ? '→' : '←',
        ),
      ];
    }
    const shownLeft = Math.max(left, -1);
    const shownWidth = Math.min(left + width, 101) - shownLeft;
    const parts = [
      h('i', {
        class: span.failed ? 'wf-bar bad' : 'wf-bar',
        style: {
          left: `${shownLeft}%`,
          width: `${shownWidth}%`,
          '--bar': colourOf(span.service),
        },
      }),
    ];
    for (const [from, to] of critical?.get(span.index) || []) {
      const a = Math.max(percent(from), -1);
      const b = Math.min(percent(to), 101);
      if (b > a)
        parts.push(h('i', { class: 'wf-critical', style: { left: `${a}%`, width: `${b - a}%` } }));
    }
    for (const event of (span.raw.events || []).slice(0, 20)) {
      const at = percent(span.start + Number(BigInt(event.timeUnixNano || 0) - span.startNanos));
      if (at >= 0 && at <= 100)
        parts.push(h('i', { class: 'wf-event', style: { left: `${at}%` }, title: event.name }));
    }
    const end = shownLeft + shownWidth;
    const label = formatDuration(span.duration);
    const style =
      end < 88
        ? { left: `${end}%` }
        : shownLeft > 12
          ? { right: `${100 - shownLeft}%` }
          : { right: '0' };
    parts.push(
      h(
        'span',
        { class: end >= 88 && shownLeft <= 12 ? 'wf-label inside' : 'wf-label', style },
        label,
      ),
    );
    return parts;
  }

  function rowOf(place) {
    const index = rows[place];
    const span = spans[index];
    const below = span.after - index - 1;
    const folded = collapsed.has(index);
    const hit = matches?.has(index);
    const indent = Math.min(span.depth, DEEPEST) * INDENT;
    return h(
      'div',
      {
        class: `wf-row${index === selected ? ' selected' : ''}${matches && !hit ? ' dim' : ''}${hit ? ' hit' : ''}`,
        role: 'treeitem',
        id: `span-${index}`,
        'aria-level': span.depth + 1,
        'aria-selected': String(index === selected),
        'aria-expanded': below > 0 ? String(!folded) : undefined,
        'aria-label': `${span.service} ${span.name}, ${formatDuration(span.duration)}${span.failed ? ', error' : ''}`,
        'data-index': index,
        style: { top: `${place * ROW}px` },
      },
      h(
        'div',
        {
          class: 'wf-name',
          style: { 'padding-left': `${indent + 8}px`, '--guides': `${indent}px` },
        },
        below > 0
          ? h(
              'button',
              {
                class: `wf-fold${folded ? ' folded' : ''}`,
                type: 'button',
                tabindex: '-1',
                'data-fold': index,
                'aria-label': `${folded ? 'Expand' : 'Collapse'} ${below} spans`,
              },
              folded ? formatCount(below) : icon('down'),
            )
          : h('span', { class: 'wf-leaf' }),
        h('i', { class: 'wf-mark', style: { '--bar': colourOf(span.service) } }),
        span.depth > DEEPEST && h('span', { class: 'faint' }, `↳${span.depth}`),
        h('span', { class: 'wf-service' }, span.service),
        h('span', { class: 'wf-op' }, span.name),
        span.failed && h('span', { class: 'wf-failed' }, icon('alert')),
      ),
      h('div', { class: 'wf-time' }, bar(span)),
    );
  }

  function draw() {
    drawn = 0;
    const height = scroller.clientHeight;
    const from = Math.max(0, Math.floor(scroller.scrollTop / ROW) - BEYOND);
    const to = Math.min(rows.length, Math.ceil((scroller.scrollTop + height) / ROW) + BEYOND);
    const made = [];
    for (let place = from; place < to; place += 1) made.push(rowOf(place));
    body.style.height = `${rows.length * ROW}px`;
    body.replaceChildren(...made);
    if (selected >= 0) scroller.setAttribute('aria-activedescendant', `span-${selected}`);
  }

  function later() {
    drawn ||= requestAnimationFrame(draw);
  }

  function drawHead() {
    const marks = windowTicks(window_[0], window_[1], head.clientWidth || 600);
    put(
      head,
      marks.map((t) =>
        h(
          'span',
          { class: percent(t) > 94 ? 'last' : '', style: { left: `${percent(t)}%` } },
          t === 0 ? '0' : formatDuration(t),
        ),
      ),
    );
    const lines = marks.map((t) => percent(t)).filter((p) => p > 0.1 && p < 99.9);
    el.style.setProperty(
      '--tick-lines',
      lines
        .map((p) => `linear-gradient(var(--line), var(--line)) ${p}% 0 / 1px 100% no-repeat`)
        .join(', ') || 'none',
    );
  }

  function layOut() {
    rows = visibleRows(spans, collapsed);
    draw();
    opts.onRows?.(rows);
  }

  function reveal(index) {
    let changed = false;
    for (let up = spans[index].parent; up; up = up.parent)
      changed = collapsed.delete(up.index) || changed;
    if (changed) layOut();
    const top = rows.indexOf(index) * ROW;
    if (
      top < scroller.scrollTop + ROW ||
      top > scroller.scrollTop + scroller.clientHeight - 2 * ROW
    ) {
      scroller.scrollTop = Math.max(0, top - scroller.clientHeight / 3);
    }
  }

  const self = {
    rows: () => rows,
    selected: () => selected,
    select(index, tell = true) {
      selected = index;
      if (index >= 0) reveal(index);
      draw();
      if (tell) opts.onSelect(index);
    },
    move(step) {
      const at = rows.indexOf(selected);
      self.select(rows[Math.max(0, Math.min(rows.length - 1, at + step))]);
    },
    toggle(index, fold = !collapsed.has(index)) {
      if (spans[index].after - index <= 1) return;
      if (fold) collapsed.add(index);
      else collapsed.delete(index);
      layOut();
    },
    /** Hides everything below `depth` (0: only roots are shown); Infinity shows all. */
    collapse(depth) {
      collapsed.clear();
      for (const span of spans)
        if (span.depth >= depth && span.after > span.index + 1) collapsed.add(span.index);
      layOut();
      scroller.scrollTop = 0;
    },
    setWindow(from, to) {
      window_ = [from, to];
      drawHead();
      later();
    },
    setMatches(indexes) {
      matches = indexes && new Set(indexes);
      draw();
    },
    setCritical(segments) {
      critical = segments;
      draw();
    },
    resize() {
      drawHead();
      draw();
    },
    keys(event) {
      const action = {
        j: () => self.move(1),
        ArrowDown: () => self.move(1),
        k: () => self.move(-1),
        ArrowUp: () => self.move(-1),
        ArrowLeft: () => {
          if (selected < 0) return;
          if (collapsed.has(selected) || spans[selected].children.length === 0) {
            if (spans[selected].parent) self.select(spans[selected].parent.index);
          } else self.toggle(selected, true);
        },
        ArrowRight: () => {
          if (selected >= 0) self.toggle(selected, false);
        },
        Home: () => self.select(rows[0]),
        End: () => self.select(rows.at(-1)),
        PageDown: () => self.move(Math.floor(scroller.clientHeight / ROW)),
        PageUp: () => self.move(-Math.floor(scroller.clientHeight / ROW)),
      }[event.key];
      if (!action) return false;
      event.preventDefault();
      action();
      return true;
    },
  };

  scroller.addEventListener('scroll', later, { passive: true });
  scroller.addEventListener('click', (event) => {
    const fold = event.target.closest('[data-fold]');
    const row = event.target.closest('.wf-row');
    if (fold) self.toggle(Number(fold.dataset.fold));
    else if (row) self.select(Number(row.dataset.index));
  });
  dragDivider(divider, el);
  drawHead();
  draw();
  return self;
}

/** The width of the names, by pointer and by arrow keys. */
function dragDivider(divider, el) {
  const set = (px) =>
    el.style.setProperty('--names', `${Math.max(140, Math.min(el.clientWidth - 200, px))}px`);
  divider.addEventListener('pointerdown', (event) => {
    event.preventDefault();
    divider.setPointerCapture(event.pointerId);
    divider.onpointermove = (move) => set(move.clientX - el.getBoundingClientRect().left);
  });
  divider.addEventListener('pointerup', () => {
    divider.onpointermove = null;
  });
  divider.addEventListener('keydown', (event) => {
    const step = { ArrowLeft: -24, ArrowRight: 24 }[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    set(divider.offsetLeft + step);
  });
}
