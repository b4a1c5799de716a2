import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { checkRules, type Finding } from '../../src/rules/check.ts';
import { matchPattern } from '../../src/rules/match.ts';
import { parsePattern } from '../../src/rules/pattern.ts';
import { rulesOf } from './text.ts';

const text = readFileSync(new URL('../../docs/rules.md', import.meta.url), 'utf8');

function rows(heading: string): string[][] {
  const section = text.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
  return (section.match(/^\|.*\|$/gm) ?? []).slice(2).map((row) =>
    row.split(' | ').map((cell) =>
      cell
        .replace(/^\| | \|$/g, '')
        .trim()
        .replace(/^`|`$/g, ''),
    ),
  );
}

describe('the documentation of rules', () => {
  it.each([...text.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map(([, yaml = '']) => yaml))(
    'shows rules that can be used, and in which a check finds only what is said: %s',
    async (yaml) => {
      const rules = await rulesOf(yaml);
      const found = checkRules(rules, (_operation, resource) => resource);
      expect(found.map(({ kind }) => kind)).toEqual(yaml.includes('rebuild') ? ['deadlock'] : []);
    },
  );

  it.each(rows('Patterns'))('says rightly that %s matches %s, not %s [A2]', (pattern, matching, other) => {
    const isMatch = (line: string) =>
      matchPattern(parsePattern(pattern), { words: line.split(' '), file: () => line.split(' ')[0] }, '/') !==
      undefined;
    expect([isMatch(matching), isMatch(other)]).toEqual([true, false]);
  });

  it('lists every kind of finding there is', () => {
    const kinds: readonly Finding['kind'][] = [
      'never-matches',
      'unknown-resource',
      'unknown-operation',
      'uses-nothing',
      'scopes-differ',
      'always-refused',
      'deadlock',
      'search-ended',
    ];
    expect(rows('Checking').map(([kind]) => kind)).toEqual(kinds);
  });
});
