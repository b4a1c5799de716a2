import { expect, it, onTestFinished } from 'vitest';
import { actFor, commandLine, self } from '../../src/identity/self.ts';

it('a record has the beginning of a command that is long, and no more [X46]', () => {
  onTestFinished(() => actFor(commandLine(process.argv)));
  actFor(`cat ${'x'.repeat(100_000)}`);
  expect(self().command).toBe(`cat ${'x'.repeat(495)}…`);
  actFor('cat a b');
  expect(self().command).toBe('cat a b');
});
