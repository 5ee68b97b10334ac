// A query cut into coloured pieces, for both languages.

const WORDS = {
  traceql: new Set(
    (
      'true false nil error ok unset server client producer consumer internal unspecified rate count_over_time ' +
      'min_over_time max_over_time avg_over_time sum_over_time quantile_over_time histogram_over_time compare topk bottomk ' +
      'by coalesce select count min max avg sum with'
    ).split(' '),
  ),
  promql: new Set(
    (
      'by without on ignoring group_left group_right bool offset and or unless atan2 sum min max avg count stddev ' +
      'stdvar topk bottomk quantile count_values group limitk limit_ratio start end inf nan'
    ).split(' '),
  ),
};

const TOKEN =
  /(#[^\n]*|\/\/[^\n]*)|("(?:[^"\\]|\\[^])*"?|'(?:[^'\\]|\\[^])*'?|`[^`]*`?)|((?<![\w.:])(?:\d[\d_]*\.?\d*(?:[eE][-+]?\d+)?(?:ns|us|µs|ms|[smhdwy])?)+)|([A-Za-z_][\w.:/-]*|\.[A-Za-z_][\w./-]*)|(\s+)|([^])/g;

/** [{text, kind, start}], kind: string, number, word, name, sign, note or space. */
export function tokens(text, language) {
  const made = [];
  for (const match of text.matchAll(TOKEN)) {
    const [all, note, string, number, name, space] = match;
    let kind = 'sign';
    if (note !== undefined) kind = language === 'promql' && all.startsWith('//') ? 'sign' : 'note';
    else if (string !== undefined) kind = 'string';
    else if (number !== undefined) kind = 'number';
    else if (name !== undefined) kind = WORDS[language].has(name.toLowerCase()) ? 'word' : 'name';
    else if (space !== undefined) kind = 'space';
    made.push({ text: all, kind, start: match.index });
  }
  return made;
}

/**
 * Where an error of the server is in the text: {offset, message}; offset is -1 if it says nothing of
 * it. Knows "at line 1, col 12: ..." (TraceQL) and "1:26: ..." (PromQL).
 */
export function errorPosition(message, text) {
  const match =
    /line (\d+), col (\d+): ?([^]*)/.exec(message) || /(?:^|[ "])(\d+):(\d+): ([^]*)/.exec(message);
  if (!match) return { offset: -1, message };
  const lines = text.split('\n');
  const line = Math.min(Number(match[1]), lines.length);
  let offset = 0;
  for (let i = 0; i < line - 1; i += 1) offset += lines[i].length + 1;
  // Columns count bytes, from 1.
  const bytes = new TextEncoder()
    .encode(lines[line - 1])
    .slice(0, Math.max(0, Number(match[2]) - 1));
  offset += new TextDecoder().decode(bytes).length;
  return { offset: Math.min(offset, text.length), message: match[3].replace(/^parse error: /, '') };
}
