import { expect, it } from 'vitest';
import { shellWord } from '../../src/errors/describe.ts';
import { tool } from '../support/tool.ts';

it('quotes a word so that a shell takes it literally, and only where it is needed [A4]', () => {
  expect(shellWord('mirror')).toBe('mirror');
  expect(shellWord('./data/roles.json')).toBe('./data/roles.json');
  for (const word of [
    'two words',
    "it's",
    '$HOME',
    '`id`',
    '~root',
    '*',
    ';',
    '',
    '-n',
    'a\nb',
    '"',
    '\\',
    '!x',
    '#x',
  ]) {
    const output = tool('sh', ['-c', `printf %s ${shellWord(word)}`]);
    expect(output).toBe(word);
  }
});
