import { closeSync, constants, writeFileSync } from 'node:fs';
import { RefusedError } from 'holdfast';
import { expect, it, onTestFinished } from 'vitest';
import type { Grant } from '../../../src/engine/engine.ts';
import { permitsDirectory } from '../../../src/engine/file/permits.ts';
import { kernelEngine } from '../../../src/engine/kernel/kernel.ts';
import { nestedPath } from '../../../src/engine/nested.ts';
import { self } from '../../../src/identity/self.ts';
import { requestFor, upgrading } from '../harness.ts';
import { intercept, systemError } from '../portable/intercept.ts';
import { afterEvery } from './between.ts';
import { acquire, newPath, refuseWrites } from './counters.ts';

const me = { pid: process.pid, start: self().start as string };

/** An outer holder whose commands may take its lock again. */
function outer(path: string): Grant {
  const grant = acquire(path);
  expect(grant.admitNested()).toBe(true);
  return grant;
}

/** What the death of a holder does: the kernel closes its descriptor, and its record stays. */
function kill(grant: Grant): void {
  closeSync(grant.descriptor as number);
}

function tryFor(path: string, mode: 'exclusive' | 'shared' = 'exclusive'): Grant | undefined {
  const grant = kernelEngine.tryAcquire({ ...requestFor(path), mode });
  onTestFinished(() => grant?.release());
  return grant;
}

it('a nested holder keeps the lock when the outer one releases it, and is seen to [X1]', () => {
  const path = newPath();
  const holder = outer(path);
  const nested = acquire(nestedPath(path));
  expect(kernelEngine.admits(path, me)).toBe(true);
  holder.release();

  expect(tryFor(path)).toBeUndefined();
  expect(tryFor(path, 'shared')).toBeUndefined();
  expect(kernelEngine.inspect(path)).toMatchObject({ state: 'exclusive', holders: [{ nested: true }] });
  nested.release();
  expect(kernelEngine.inspect(path).state).toBe('free');
  expect(tryFor(path)?.recovered).toBeUndefined();
});

it('a nested holder keeps the lock when the outer one dies, and nobody is admitted after the next holder [X1]', () => {
  const path = newPath();
  kill(outer(path));
  const nested = acquire(nestedPath(path));
  expect(kernelEngine.admits(path, me)).toBe(true);
  expect(tryFor(path)).toBeUndefined();
  nested.release();

  const next = tryFor(path, 'shared');
  expect(next).toBeDefined();
  expect(kernelEngine.admits(path, me)).toBe(false);
});

it('nobody is admitted from the moment in which the outer holder begins to look for nested ones [X1]', () => {
  const path = newPath();
  const holder = outer(path);
  const admitted: boolean[] = [];
  afterEvery(['write'], () => admitted.push(kernelEngine.admits(path, me)));
  holder.release();

  expect(admitted).toEqual([false]);
});

it('a nested holder that shares lets others share the lock after the outer one, and nobody else [X1, X2]', () => {
  const path = newPath();
  const holder = outer(path);
  const nested = kernelEngine.tryAcquire({ ...requestFor(nestedPath(path)), mode: 'shared' });
  holder.release();

  expect(tryFor(path)).toBeUndefined();
  const shared = tryFor(path, 'shared');
  expect(shared).toBeDefined();
  nested?.release();
  shared?.release();
  expect(tryFor(path)).toBeDefined();
});

it('a lock nested in a nested one keeps them both [X1]', () => {
  const path = newPath();
  const holder = outer(path);
  const middle = outer(nestedPath(path));
  const inner = acquire(nestedPath(nestedPath(path)));
  middle.release();
  holder.release();

  expect(tryFor(path)).toBeUndefined();
  inner.release();
  expect(tryFor(path)).toBeDefined();
});

it.each([
  ['released', (grant: Grant) => grant.release()],
  ['died', kill],
])('who comes next hears of a nested holder that died, also when the outer one %s [X1, X14]', (_how, end) => {
  const path = newPath();
  const holder = outer(path);
  kill(acquire(nestedPath(path)));
  end(holder);

  const next = tryFor(path);
  expect(next?.recovered).toMatchObject({ pid: process.pid });
  next?.release();
  expect(tryFor(path)?.recovered).toBeUndefined();
});

it('a lock that was never used admits nobody [X1]', () => {
  expect(kernelEngine.admits(newPath(), me)).toBe(false);
});

it('who fails after it got past the nested lock, and could not say so in the file, keeps nothing of it [X1, H14]', () => {
  const path = newPath();
  kill(outer(path));
  writeFileSync(permitsDirectory(path), 'in the way');
  intercept('writeSync', () => () => {
    throw systemError('EIO');
  });

  const asked = () => kernelEngine.tryAcquire({ ...requestFor(path), permits: 2, mode: 'shared' });
  expect(asked).toThrow(RefusedError);

  expect(kernelEngine.inspect(nestedPath(path)).state).toBe('free');
});

/** An outer holder that is gone, a nested one that shares, and who shares the lock beside it. */
function sharedBesideNested(path: string): { nested: Grant; reader: Grant } {
  const holder = outer(path);
  const nested = tryFor(nestedPath(path), 'shared') as Grant;
  holder.release();
  return { nested, reader: tryFor(path, 'shared') as Grant };
}

it('an upgrade waits for a nested holder, and is done as soon as that one ends [X1, R4]', async () => {
  const path = newPath();
  const { nested, reader } = sharedBesideNested(path);
  const upgrade = upgrading(reader);

  expect(await upgrade.outcome()).toBe('waiting');
  expect(reader.isIntact()).toBe(true);
  nested.release();

  expect(await upgrade.ended()).toBe('converted');
  expect(reader.recovered).toBeUndefined();
  expect(tryFor(path, 'shared')).toBeUndefined();
});

it('an upgrade hears of a nested holder that died, and nobody after it does [X1, X14]', async () => {
  const path = newPath();
  const holder = outer(path);
  kill(acquire(nestedPath(path)));
  holder.release();
  const reader = tryFor(path, 'shared') as Grant;

  expect(await upgrading(reader).ended()).toBe('converted');

  expect(reader.recovered).toMatchObject({ pid: process.pid });
  reader.release();
  expect(tryFor(path)?.recovered).toBeUndefined();
});

/** A lock whose outer holder is gone, after a nested one died. */
function lockOfNestedDeath(): string {
  const path = newPath();
  const holder = outer(path);
  kill(acquire(nestedPath(path)));
  holder.release();
  return path;
}

function areTold(path: string): boolean[] {
  return [1, 2].map(() => {
    const grant = tryFor(path);
    grant?.release();
    return grant?.recovered?.pid === process.pid;
  });
}

it.each(['written', 'refused'])(
  'an upgrade that is taken back leaves the death of a nested holder to be told, with its record %s [X1, X14, X11]',
  async (how) => {
    const path = lockOfNestedDeath();
    const reader = tryFor(path, 'shared') as Grant;
    const restore = how === 'refused' ? refuseWrites() : () => {};
    expect(await upgrading(reader).ended()).toBe('converted');
    restore();
    expect(reader.recovered).toMatchObject({ pid: process.pid });

    reader.revert();

    expect(reader.recovered).toBeUndefined();
    expect(kernelEngine.inspect(path).state).toBe('shared');
    reader.release();
    expect(areTold(path)).toEqual([true, false]);
  },
);

it('a grant that is declined leaves the death of a nested holder to be told where its record could not be written [X1, X14]', () => {
  const path = lockOfNestedDeath();
  const restore = refuseWrites();
  const grant = tryFor(path);
  restore();

  grant?.decline();

  expect(areTold(path)).toEqual([true, false]);
});

it('an upgrade gets past a nested lock that may only be read [X1, H17]', async () => {
  const path = newPath();
  const { nested, reader } = sharedBesideNested(path);
  nested.release();
  intercept('openSync', (original) => (name, flags, ...rest) => {
    if (name === nestedPath(path) && (Number(flags) & constants.O_RDWR) !== 0) throw systemError('EROFS');
    return original(name, flags, ...rest);
  });

  expect(await upgrading(reader).ended()).toBe('converted');
});

it('an upgrade waits for a nested holder also where nothing can be said in the lock file [X1, H14]', async () => {
  const path = newPath();
  kill(outer(path));
  const nested = tryFor(nestedPath(path), 'shared') as Grant;
  intercept('writeSync', () => () => {
    throw systemError('EIO');
  });
  const reader = tryFor(path, 'shared') as Grant;
  const upgrade = upgrading(reader);

  expect(await upgrade.outcome()).toBe('waiting');
  nested.release();

  expect(await upgrade.ended()).toBe('converted');
  expect(tryFor(nestedPath(path))).toBeUndefined();
});
