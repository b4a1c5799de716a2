import { expect, it, onTestFinished, vi } from 'vitest';
import { onAbort } from '../../src/lock/on-abort.ts';

it('an error of one that listens to a signal keeps no other from hearing of the abort [X28, X4]', () => {
  const uncaught: (() => void)[] = [];
  const later = vi.spyOn(globalThis, 'queueMicrotask').mockImplementation((thrown) => uncaught.push(thrown));
  onTestFinished(() => later.mockRestore());
  const abort = new AbortController();
  const heard: string[] = [];
  onAbort(abort.signal, () => {
    throw new Error('from a callback');
  });
  onAbort(abort.signal, () => heard.push('abort'));

  abort.abort();

  expect(heard).toEqual(['abort']);
  expect(uncaught).toHaveLength(1);
  expect(uncaught[0]).toThrow('from a callback');
});
