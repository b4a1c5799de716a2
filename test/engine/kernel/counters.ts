import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Grant } from '../../../src/engine/engine.ts';
import { readState } from '../../../src/engine/kernel/block.ts';
import { kernelEngine } from '../../../src/engine/kernel/kernel.ts';
import { syscalls } from '../../../src/engine/kernel/syscalls/index.ts';
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

/** Has the disk take nothing from now on. */
export function refuseWrites(): () => void {
  const system = syscalls();
  const { write } = system;
  const restore = () => void Object.assign(system, { write });
  Object.assign(system, { write: () => -constants.errno.EIO });
  onTestFinished(restore);
  return restore;
}
