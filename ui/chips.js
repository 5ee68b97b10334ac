// The query as a row of conditions to choose: service, span, status, duration.

import { traceqlCatalog } from './catalog.js';
import { formatConditions, parseConditions, withCondition } from './conditions.js';
import { h, icon, put } from './dom.js';
import { rank, valueText } from './traceql_complete.js';

const unquoted = (text) => {
  try {
    return String(JSON.parse(text));
  } catch {
    return text;
  }
};

const fixed =
  (...texts) =>
  async () =>
    texts.map((text) => ({ text, shown: text }));

async function valuesOf(tag, others) {
  const values = await traceqlCatalog.values(
    tag,
    others.length > 0 ? formatConditions(others) : '',
  );
  return values.map((value) => ({ text: valueText(value), shown: value.value }));
}

const DURATIONS = {
  values: fixed('10ms', '50ms', '100ms', '500ms', '1s', '5s'),
  free: /^\d+(\.\d+)?(ns|us|µs|ms|s|m|h)$/,
};

const CHIPS = [
  {
    name: 'Service',
    field: 'resource.service.name',
    op: '=',
    values: (others) => valuesOf('resource.service.name', others),
  },
  { name: 'Span', field: 'name', op: '=', values: (others) => valuesOf('name', others) },
  { name: 'Status', field: 'status', op: '=', values: fixed('error', 'ok', 'unset') },
  {
    name: 'Longer than',
    field: 'duration',
    op: '>',
    ...DURATIONS,
  },
  {
    name: 'Shorter than',
    field: 'duration',
    op: '<',
    ...DURATIONS,
  },
];

/** `onChange(query)`. Returns {element, set(query)}. */
export function chips(onChange) {
  const element = h('div', { class: 'row wrap', role: 'group', 'aria-label': 'Conditions' });
  let query = '';
  let close = () => {};

  function open(chip, button, list, holder) {
    close();
    const others = withCondition(list, chip.field, chip.op, null);
    const find = h('input', {
      class: 'input',
      placeholder: chip.free ? 'such as 250ms' : 'Find',
      'aria-label': `${chip.name}: find`,
    });
    const options = h('ul', { class: 'options', role: 'listbox', 'aria-label': chip.name });
    const popup = h('div', { class: 'popup' }, find, options);
    let all = [];
    const take = (text) => {
      close();
      onChange(formatConditions(withCondition(list, chip.field, chip.op, text)));
    };
    const drawOptions = () => {
      const typed = find.value.trim();
      const fits = rank(
        all.map((one) => ({ ...one, text: one.shown, written: one.text })),
        typed,
        60,
      );
      if (chip.free?.test(typed)) fits.unshift({ text: typed, written: typed });
      put(
        options,
        fits.map((one, i) =>
          h(
            'li',
            {
              role: 'option',
              'aria-selected': String(i === 0 && typed !== ''),
              onmousedown: (event) => {
                event.preventDefault();
                take(one.written);
              },
            },
            h('span', {}, one.text),
          ),
        ),
        fits.length === 0 && h('li', { class: 'none' }, 'Nothing fits'),
      );
      return fits;
    };
    find.addEventListener('input', drawOptions);
    find.addEventListener('keydown', (event) => {
      if (event.key === 'Enter') {
        const [first] = drawOptions();
        if (first) take(first.written);
      } else if (event.key === 'Escape') {
        event.stopPropagation();
        close();
        button.focus();
      }
    });
    find.addEventListener('blur', () => close());
    close = () => {
      close = () => {};
      popup.remove();
      button.setAttribute('aria-expanded', 'false');
    };
    holder.append(popup);
    button.setAttribute('aria-expanded', 'true');
    find.focus();
    put(options, h('li', { class: 'none' }, 'Asking…'));
    chip.values(others).then(
      (values) => {
        all = values;
        drawOptions();
      },
      (error) => put(options, h('li', { class: 'none' }, error.message)),
    );
  }

  function draw() {
    const list = parseConditions(query);
    put(
      element,
      CHIPS.map((chip) => {
        const set = list?.find((c) => c.field === chip.field && c.op === chip.op);
        const holder = h('div', { class: 'chip' });
        const button = h(
          'button',
          {
            class: `button small${set ? ' set' : ''}`,
            type: 'button',
            disabled: list === null,
            'aria-haspopup': 'listbox',
            'aria-expanded': 'false',
            title:
              list === null
                ? 'This query is more than a list of conditions: change its text'
                : undefined,
            onclick: () => open(chip, button, list, holder),
          },
          chip.name,
          set ? h('b', {}, unquoted(set.value)) : icon('down'),
        );
        holder.append(button);
        if (set) {
          holder.append(
            h(
              'button',
              {
                class: 'button plain small square',
                type: 'button',
                'aria-label': `Without ${chip.name}`,
                onclick: () =>
                  onChange(formatConditions(withCondition(list, chip.field, chip.op, null))),
              },
              icon('close'),
            ),
          );
        }
        return holder;
      }),
    );
  }

  return {
    element,
    set(text) {
      query = text;
      draw();
    },
  };
}
