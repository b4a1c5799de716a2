import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Grant } from '../../../src/engine/engine.ts';
import { readState } from '../../../src/engine/kernel/block.ts';
import { kernelEngine } from '../../../src/engine/kernel/kernel.ts';
import { tempDirectory } from '../../support/temp.ts';
import { requestFor } from '../harness.ts';

export const newPath = () => join(tempDirectory(), 'mirror.lock');

export function acquire(path: string): Grant {
  const grant = kernelEngine.tryAcquire(requestFor(path));
  if (grant === undefined) throw new Error(`${path} is held`);
  onTestFinished(() => grant.release());
  return grant;
}

export function countersOf(path: string): { token: number; bound: number } {
  const bytes = readFileSync(path);
  const { token, bound } = readState(bytes, bytes.length, '');
  return { token, bound };
}
