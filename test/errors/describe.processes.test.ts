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
    '"',
    '\\',
    '!x',
    '#x',
  ]) {
    const output = tool('sh', ['-c', `printf %s ${shellWord(word)}`]);
    expect(output).toBe(word);
  }
});

it.each(['bash', 'zsh'])('writes control characters as escapes, which %s reads back [A4, R66]', (shell) => {
  for (const word of ['a\nb', "it's\t\\n", '\u001b[31m', '\u009b1', '\u00075', 'é\n']) {
    const written = shellWord(word);
    expect(written).not.toMatch(/\p{Cc}/u);
    expect(tool(shell, ['-c', `printf %s ${written}`], { env: { LC_ALL: 'C.UTF-8' } })).toBe(word);
  }
});
