import assert from 'node:assert/strict';
import test from 'node:test';
import { promqlCandidates, promqlContext } from '../../ui/promql_complete.js';
import { errorPosition, tokens } from '../../ui/query_text.js';
import {
  rank,
  tagText,
  traceqlCandidates,
  traceqlContext,
  valueText,
} from '../../ui/traceql_complete.js';

const at = (text) => traceqlContext(text.replace('|^|', ''), text.indexOf('|^|'));
const asked = [];
const source = {
  tags: async () => [
    { name: 'span', tags: ['http.route', 'a b'] },
    { name: 'resource', tags: ['service.name'] },
    { name: 'intrinsic', tags: ['name'] },
  ],
  values: async (tag, q) => {
    asked.push([tag, q]);
    return [
      { type: 'string', value: 'say "hi"' },
      { type: 'int', value: '200' },
    ];
  },
};
const texts = async (context) => (await traceqlCandidates(context, source)).map((one) => one.text);

test('the place in a TraceQL query says what may stand there', () => {
  assert.equal(at('|^|').kind, 'start');
  assert.deepEqual([at('{ span.htt|^| }').kind, at('{ span.htt|^| }').word], ['tag', 'span.htt']);
  const value = at('{ resource.service.name = "ca|^|" }');
  assert.deepEqual(
    [value.kind, value.tag, value.word, value.from],
    ['value', 'resource.service.name', 'ca', 26],
  );
  assert.equal(at('{ name = "a" && span.x =~ |^|').q, '{ name = "a" }');
  assert.equal(at('{ status = error } | |^|').kind, 'function');
  assert.equal(at('{ } | rate() by (res|^|').kind, 'tag');
  assert.equal(at('{ name = "} |^|').kind, 'none');
  assert.equal(at('{ a = "x" |^|').kind, 'tag');
});

test('candidates come from the store and from the language', async () => {
  assert.deepEqual(await texts(at('{ status = |^|')), ['ok', 'error', 'unset']);
  assert.ok((await texts(at('{ rou|^|'))).includes('span.http.route'));
  assert.ok((await texts(at('{ span.|^|'))).includes('span."a b"'));
  assert.deepEqual(await texts(at('{ name = "x" && span.http.route = |^|')), [
    '200',
    '"say \\"hi\\""',
  ]);
  assert.deepEqual(asked.at(-1), ['span.http.route', '{ name = "x" }']);
  assert.equal((await texts(at('{ } | quan|^|')))[0], 'quantile_over_time(duration, .95)');
});

test('names and values are written so that they parse', () => {
  assert.equal(tagText('span', 'http.route'), 'span.http.route');
  assert.equal(tagText('span', 'x"y'), 'span."x\\"y"');
  assert.equal(valueText({ type: 'keyword', value: 'error' }), 'error');
  assert.deepEqual(
    rank([{ text: 'xab' }, { text: 'ab' }, { text: 'z' }], 'ab').map((one) => one.text),
    ['ab', 'xab'],
  );
});

test('the place in a PromQL query says what may stand there', async () => {
  const pql = (text) => promqlContext(text.replace('|^|', ''), text.indexOf('|^|'));
  assert.deepEqual([pql('rate(up|^|').kind, pql('rate(up|^|').word], ['metric', 'up']);
  assert.deepEqual([pql('up{jo|^|').kind, pql('up{jo|^|').metric], ['label', 'up']);
  const value = pql('up{job="no|^|"}');
  assert.deepEqual([value.kind, value.label, value.word, value.from], ['value', 'job', 'no', 7]);
  assert.equal(pql('up[|^|').kind, 'range');
  assert.equal(pql('sum by (|^|) (up{})').kind, 'label');
  assert.equal(pql('up > 10|^|').kind, 'none');
  const found = await promqlCandidates(pql('ra|^|'), { metrics: async () => ['rates_total'] });
  assert.deepEqual(
    found.slice(0, 2).map((one) => one.text),
    ['rate(', 'rates_total'],
  );
});

test('tokens are the text again, whatever it is', () => {
  for (const text of [
    '{ span.a = "x\\"y" && duration > 1.5s } | rate()',
    'sum(rate(a:b{c="d"}[5m])) / 2e3 # note',
    '"open',
    '',
    '日本 = `x`',
    '\\\n\t',
  ]) {
    for (const language of ['traceql', 'promql'])
      assert.equal(
        tokens(text, language)
          .map((one) => one.text)
          .join(''),
        text,
      );
  }
  assert.deepEqual(
    tokens('1.5s', 'traceql').map((one) => one.kind),
    ['number'],
  );
});

test('the place of an error is found, in characters', () => {
  assert.equal(
    errorPosition(
      'invalid TraceQL query: parse error at line 1, col 12: unknown status eror',
      '{ status = eror }',
    ).offset,
    11,
  );
  assert.equal(
    errorPosition('1:26: parse error: unclosed left parenthesis', 'x'.repeat(25)).offset,
    25,
  );
  assert.equal(errorPosition('parse error at line 2, col 3: x', '{\n  é }').offset, 4);
  assert.equal(errorPosition('parse error at line 1, col 6: x', '{ é }').offset, 4);
  assert.equal(errorPosition('parse error at line 9, col 99: x', 'ab').offset, 2);
  assert.equal(errorPosition('too many requests', 'ab').offset, -1);
});
