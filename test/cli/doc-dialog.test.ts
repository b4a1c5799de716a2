import { writeFileSync } from 'node:fs';
import { type Choice, openDocument, unresolvedConflicts } from 'holdfast/document';
import { describe, expect, it } from 'vitest';
import { askAbout } from '../../src/cli/doc/dialog.ts';
import { differences, differenceText } from '../../src/cli/doc/differences.ts';
import { parseJson } from '../../src/json/parse.ts';
import { memoryDirectory } from '../support/temp.ts';

const BASE = '{ "a": 0, "b": 0, "roles": [{ "id": 1, "name": "x" }] }';

async function conflict() {
  const path = `${memoryDirectory()}/roles.json`;
  writeFileSync(path, BASE);
  const document = await openDocument<{ a: number; b: number; roles: object[] }>(path);
  document.edit((draft) => {
    draft.a = 1;
    draft.b = 1;
    draft.roles.push({ id: 2, name: 'mine' });
  });
  writeFileSync(
    path,
    '{ "a": 2, "b": 2, "roles": [{ "id": 1, "name": "x" }, { "id": 2, "name": "theirs" }] }',
  );
  await document.save().catch(() => {});
  await document.close();
  const [unresolved] = await unresolvedConflicts(path);
  if (unresolved === undefined) throw new Error('there is no conflict');
  return unresolved;
}

/** Somebody who types these lines, and then leaves. */
async function typing(lines: readonly string[], given: Readonly<Record<string, Choice>> = {}) {
  const unresolved = await conflict();
  const left = [...lines];
  const said: string[] = [];
  const answers = new Map(Object.entries(given));
  const isDone = await askAbout(unresolved, answers, {
    ask: async (question) => {
      said.push(question);
      return left.shift();
    },
    tell: (line) => void said.push(line),
  });
  const places = unresolved.conflicts.map(({ key, text }) => [text, answers.get(key)]);
  return { isDone, said: said.join('\n'), left, answers: Object.fromEntries(places), unresolved };
}

describe('the dialog of doc resolve', () => {
  it('shows each conflict as a row with its three values, asks one by one, and previews before it writes [R38, R82]', async () => {
    const { isDone, said, answers } = await typing(['m', 't', 'k', 'y']);
    expect(isDone).toBe(true);
    expect(answers).toEqual({ a: 'ours', b: 'theirs', 'roles[id=2]': 'both' });
    expect(said.split('\n')).toEqual([
      '1 of 3: a (both changed it)',
      '  before  0',
      '  mine    1',
      '  theirs  2',
      'm/t/b/e/A/T/p/u/q, ? explains: ',
      '2 of 3: b (both changed it)',
      '  before  0',
      '  mine    1',
      '  theirs  2',
      'm/t/b/e/A/T/p/u/q, ? explains: ',
      '3 of 3: roles[id=2] (both added it)',
      '  before  (not there)',
      '  mine    {"id":2,"name":"mine"}',
      '  theirs  {"id":2,"name":"theirs"}',
      'm/t/b/e/k/A/T/p/u/q, ? explains: ',
      '  a: 2 → 1',
      '  roles[id=2].name: "theirs" → "mine"',
      '  roles[id=3]: {"id":3,"name":"theirs"}',
      'Write this? y writes, u takes the last answer back, q leaves everything: ',
    ]);
  });

  it('takes answers back, all of a step, and also at the end', async () => {
    const { isDone, answers } = await typing(['u', 'm', 'A', 'u', 'T', 'u', 'u', 'b', 'A', 'y']);
    expect(isDone).toBe(true);
    expect(answers).toEqual({ a: 'base', b: 'ours', 'roles[id=2]': 'ours' });
  });

  it.each([[['q']], [['m', 'q']], [['A', 'q']], [[]], [['A', '']]])(
    'leaves everything when the person does: %j [R82]',
    async (lines) => {
      const { isDone, left } = await typing(lines);
      expect([isDone, left]).toEqual([false, []]);
    },
  );

  it('takes another value, and asks again for what is not JSON, no answer, or does not fit', async () => {
    const lines = ['k', 'what', 'e', 'no json', 'e', '{"x": 1.0}', 'm', 'e', '', 'm', 'y'];
    const { isDone, answers, said } = await typing(lines);
    expect(isDone).toBe(true);
    expect(answers.a).toMatchObject({ value: { x: expect.anything() } });
    expect(said).toMatch(/that is not JSON: .*; a text has quotes/);
    expect(said.match(/m {2}mine: the version that was not saved/g)).toHaveLength(2);
  });

  it('asks only for what has no answer yet', async () => {
    const { conflicts } = await conflict();
    const given = Object.fromEntries(conflicts.slice(0, 2).map(({ key }) => [key, 'theirs' as const]));
    const { said, answers } = await typing(['m', 'y'], given);
    expect(said).not.toContain('1 of 3');
    expect(answers).toEqual({ a: 'theirs', b: 'theirs', 'roles[id=2]': 'ours' });
  });

  it('sends no control character of a document to the terminal', async () => {
    const before = parseJson('{"\\u001b[2Ja": 1}').value;
    const lines = differences(before, parseJson('{"\\u001b[2Ja": "\\u0007"}').value).map(differenceText);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
    expect(lines.join('\n')).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/);
  });
});

describe('the differences of two values', () => {
  it.each([
    ['{"a":1,"b":{"c":[1]}}', '{"a":1,"b":{"c":[2]},"d":null}', ['b.c: [1] → [2]', 'd: null']],
    [
      '[{"id":1,"n":1},{"id":2}]',
      '[{"id":3},{"id":1,"n":2}]',
      ['[id=1].n: 1 → 2', '[id=2]: {"id":2} → (removed)', '[id=3]: {"id":3}'],
    ],
    ['[{"id":1},{"id":2}]', '[{"id":2},{"id":1}]', ['the whole document: [{"id":2},{"id":1}]']],
    [
      '{"n":12345678901234567890}',
      '{"n":12345678901234567891}',
      ['n: 12345678901234567890 → 12345678901234567891'],
    ],
    ['1', '{}', ['the whole document: 1 → {}']],
    ['{"a":1,"b":2}', '{"b":2,"a":1}', []],
  ])('are its places: %s → %s', (before, after, lines) => {
    const found = differences(parseJson(before).value, parseJson(after).value);
    expect(found.map(differenceText)).toEqual(lines);
  });
});
