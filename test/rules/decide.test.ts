import { describe, expect, it } from 'vitest';
import { decide } from '../../src/rules/decide.ts';
import { rulesOf } from './text.ts';

/** The operation that a command falls under, and its locks with their modes. */
async function decided(text: string, line: string): Promise<string[]> {
  const words = line.split(' ');
  const decision = decide(await rulesOf(text), { words, file: () => words[0] });
  const locks = decision?.locks.map(({ resource, mode }) => `${resource} ${mode}`) ?? [];
  return [decision?.operation.name ?? 'none', ...locks];
}

describe('the rule of a command', () => {
  it('is that of the first operation with a pattern that matches [A2]', async () => {
    const text = `operations:
  save: { command: mirror save, uses: a }
  any: { command: [mirror help, mirror **], uses: b }
  late: { command: mirror load, uses: c }
`;
    expect(await decided(text, 'mirror save')).toEqual(['save', 'a exclusive']);
    expect(await decided(text, 'mirror load')).toEqual(['any', 'b exclusive']);
    expect(await decided(text, 'other')).toEqual(['none']);
  });

  it.each([
    ['shared before exclusive', '{ p-<from>: shared, p-<to>: exclusive }', 'exclusive'],
    ['exclusive before shared', '{ p-<from>: exclusive, p-<to>: shared }', 'exclusive'],
    ['shared twice', '{ p-<from>: shared, p-<to>: shared }', 'shared'],
  ])(
    'takes a resource that it names twice once, in the stronger mode: %s [A2, X59]',
    async (_what, uses, mode) => {
      const text = `operations: { copy: { command: mirror copy <from> <to>, uses: ${uses} } }`;
      expect(await decided(text, 'mirror copy x x')).toEqual(['copy', `p-x ${mode}`]);
    },
  );

  it('takes the global lock exclusive, though the operation itself would share it [A8, X59]', async () => {
    const text = 'global: all\noperations: { show: { command: mirror show, uses: { all: shared } } }';
    expect(await decided(text, 'mirror show')).toEqual(['show', 'all exclusive']);
  });

  it('knows which options have a value of their own, which is no argument of the command [A2]', async () => {
    const text = `operations:
  save: { command: mirror save, uses: a, value-options: -C }
  any: { command: mirror **, uses: b }
`;
    expect(await decided(text, 'mirror -C save save')).toEqual(['save', 'a exclusive']);
    expect(await decided(text, 'mirror -D save save')).toEqual(['any', 'b exclusive']);
  });
});
