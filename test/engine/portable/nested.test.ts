import { writeFileSync } from 'node:fs';
import { expect, it, onTestFinished } from 'vitest';
import type { Grant } from '../../../src/engine/engine.ts';
import { nestedPath } from '../../../src/engine/nested.ts';
import { portableEngine } from '../../../src/engine/portable/portable.ts';
import { requestFor, unusedLock } from '../harness.ts';

const engine = portableEngine();

function take(path: string): Grant | undefined {
  const grant = engine.tryAcquire(requestFor(path));
  onTestFinished(() => grant?.release());
  return grant;
}

it('an empty file in the place of a nested lock keeps nobody from the lock, but for those nested in it [X2]', () => {
  const { path } = unusedLock().request();
  const outer = take(path);
  const nested = take(nestedPath(path));
  take(nestedPath(nestedPath(path)));
  outer?.release();
  nested?.release();
  writeFileSync(nestedPath(path), '');
  expect(take(path)).toBeUndefined();

  const { path: another } = unusedLock().request();
  writeFileSync(nestedPath(another), '');
  expect(take(another)).toBeDefined();
  expect(() => take(nestedPath(another))).toThrow('is a lock file of the kernel engine');
});
