import { describe, expect, it, onTestFinished } from 'vitest';
import type { Grant, Mode } from '../../src/engine/engine.ts';
import { kernelEngine } from '../../src/engine/kernel/kernel.ts';
import { nestedPath } from '../../src/engine/nested.ts';
import { portableEngine } from '../../src/engine/portable/portable.ts';
import { self } from '../../src/identity/self.ts';
import { requestFor, unusedLock } from './harness.ts';

const me = { pid: process.pid, start: self().start as string };

describe.each([
  ['kernel', kernelEngine],
  ['portable', portableEngine()],
])('a lock that is held nested, under the %s engine', (_name, engine) => {
  function take(path: string, mode: Mode = 'exclusive'): Grant | undefined {
    const grant = engine.tryAcquire(requestFor(path, mode));
    onTestFinished(() => grant?.release());
    return grant;
  }

  /** Holds of one lock, each nested in the one before. */
  function chain(path: string, depth: number): Grant[] {
    const grant = take(path) as Grant;
    expect(grant.admitNested()).toBe(true);
    if (depth === 1) return [grant];
    const inner = chain(nestedPath(path), depth - 1);
    expect(engine.admits(path, me)).toBe(true);
    return [grant, ...inner];
  }

  it.each([2, 3, 4])('is kept by the innermost of %i, whichever around it end first [X2, A5]', (depth) => {
    for (const inwards of [true, false]) {
      const { path } = unusedLock().request();
      const around = chain(path, depth);
      const innermost = around.pop() as Grant;
      for (const grant of inwards ? around : around.reverse()) grant.release();

      expect(engine.inspect(path)).toMatchObject({ state: 'exclusive', holders: [{ nested: true }] });
      expect(take(path)).toBeUndefined();
      expect(take(path, 'shared')).toBeUndefined();
      innermost.release();
      expect(engine.inspect(path)).toMatchObject({ state: 'free', holders: [] });
      expect(take(path)).toBeDefined();
    }
  });
});
