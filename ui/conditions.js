// Queries that are no more than a list of conditions, `{ a = "x" && duration > 1s }`, as that list:
// what the chips of the search page can show and change. Anything else is left to the editor.

const CONDITION = /^\s*([\w.:/-]+)\s*(=~|!~|!=|>=|<=|=|>|<)\s*("(?:[^"\\]|\\.)*"|[\w.µ-]+)\s*$/;

function splitAnd(text) {
  const parts = [];
  let part = '';
  let quote = false;
  for (let i = 0; i < text.length; i += 1) {
    if (quote && text[i] === '\\') part += text[i++];
    else if (text[i] === '"') quote = !quote;
    else if (!quote && text.startsWith('&&', i)) {
      parts.push(part);
      part = '';
      i += 1;
      continue;
    }
    part += text[i] ?? '';
  }
  return [...parts, part];
}

/** [{field, op, value}] with values as they are written; null if the query is more than that. */
export function parseConditions(query) {
  const text = query.trim();
  if (text === '' || /^\{\s*\}$/.test(text)) return [];
  if (!text.startsWith('{') || !text.endsWith('}')) return null;
  const list = [];
  for (const part of splitAnd(text.slice(1, -1))) {
    const match = CONDITION.exec(part);
    if (!match) return null;
    list.push({ field: match[1], op: match[2], value: match[3] });
  }
  return list;
}

export function formatConditions(list) {
  return list.length === 0
    ? '{}'
    : `{ ${list.map((c) => `${c.field} ${c.op} ${c.value}`).join(' && ')} }`;
}

/** The list with the condition on (field, op) replaced, added, or with value null taken away. */
export function withCondition(list, field, op, value) {
  const rest = list.filter((c) => !(c.field === field && c.op === op));
  if (value === null) return rest;
  const at = list.findIndex((c) => c.field === field && c.op === op);
  if (at < 0) return [...list, { field, op, value }];
  return list.map((c, i) => (i === at ? { field, op, value } : c));
}

/** The query that also asks for this; null for queries that are no list. */
export function addCondition(query, field, op, value) {
  const list = parseConditions(query);
  return list && formatConditions(withCondition(list, field, op, value));
}
