import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LockManager } from 'holdfast';
import { describe, expect, it } from 'vitest';
import { permitsDirectory } from '../../src/engine/file/permits.ts';
import { kernelEngine } from '../../src/engine/kernel/kernel.ts';
import { portableEngine } from '../../src/engine/portable/portable.ts';
import { fallbackResource, fileResource } from '../../src/lock/resource.ts';
import { contender, requestFor } from '../engine/harness.ts';
import { Agent } from '../support/agent.ts';
import { tempDirectory } from '../support/temp.ts';
import { injecting } from '../support/tool.ts';
import { staysOpen } from '../support/turns.ts';
import { until } from '../support/until.ts';

const engines = { kernel: kernelEngine, portable: portableEngine() };

/** Data with a lock, and a manager with a fallback directory. */
function setUp() {
  const home = tempDirectory();
  const fallback = join(home, 'fallback');
  mkdirSync(fallback, { mode: 0o700 });
  const target = { file: join(home, 'roles.json') };
  writeFileSync(target.file, '{}');
  const manager = new LockManager({ fallbackDirectory: fallback, timeout: 0 });
  const resource = fileResource(target.file);
  return { target, fallback, manager, path: resource.path, moved: fallbackResource(resource, fallback).path };
}

/** A process with the same fallback directory that cannot open one path. */
function blindAt(path: string, fallbackDirectory: string, code: string): Promise<Agent> {
  const through = injecting('openat', `error=${code}`, path);
  return Agent.start({ home: tempDirectory(), through, manager: { fallbackDirectory, timeout: 0 } });
}

describe('a lock that others may hold in its own place is not sought in the fallback directory', () => {
  it.each(['EACCES', 'EIO'])('when its file cannot be opened (%s) [C5, H17]', async (code) => {
    const { target, fallback, path } = setUp();
    const holder = await Agent.start({ home: tempDirectory() });
    await holder.acquire(target);
    const other = await blindAt(path, fallback, code);

    await expect(other.acquire(target)).rejects.toMatchObject({ code: 'HOLDFAST_UNWRITABLE', path });
  });

  it.each([
    ['ENFILE', 'HOLDFAST_EXHAUSTED'],
    ['EIO', 'HOLDFAST_UNWRITABLE'],
  ])('when the slot of its permit cannot be opened (%s) [C5, H23, X7]', async (systemCode, code) => {
    const { target, fallback, path } = setUp();
    const holder = await Agent.start({ home: tempDirectory() });
    await holder.acquire(target, { permits: 1 });
    const [slot = ''] = readdirSync(permitsDirectory(path));
    const other = await blindAt(join(permitsDirectory(path), slot), fallback, systemCode);

    await expect(other.acquire(target, { permits: 1 })).rejects.toMatchObject({ code });
  });
});

describe.each(['kernel', 'portable'] as const)(
  'a lock that was in the fallback directory before (%s)',
  (engine) => {
    it.each(['exclusive', 'shared'] as const)('is held where it is now (%s) [C5, H17]', async (mode) => {
      const { target, manager, path, moved } = setUp();
      writeFileSync(moved, '');
      const own = await new LockManager({ engine }).acquire(target, { mode });
      expect(manager.inspect(target)).toMatchObject({ state: mode, path });
      const free = manager.untilFree(target);
      expect(await staysOpen(free)).toBe(true);

      await own.release();
      await free;
    });

    it('is held by who holds it there, and free when it is so in both places [C5, H17]', async () => {
      const { target, manager, path, moved } = setUp();
      const there = await contender(engines[engine]).acquire(requestFor(moved));
      const own = await new LockManager({ engine: 'portable' }).acquire(target, { mode: 'shared' });
      expect(manager.inspect(target)).toMatchObject({ state: 'exclusive', path: moved });
      const free = manager.untilFree(target);

      there.release();
      await until(() => manager.inspect(target).path === path, 'the lock is seen in its own place');
      expect(await staysOpen(free)).toBe(true);
      await own.release();
      await free;
    });

    it('is not free when it is so in its own place, and somebody came to hold it there since [C5, H17]', async () => {
      const { target, manager, moved } = setUp();
      const own = await new LockManager({ engine: 'portable' }).acquire(target, { mode: 'shared' });
      const free = manager.untilFree(target);
      expect(await staysOpen(free)).toBe(true);
      const there = await contender(engines[engine]).acquire(requestFor(moved));

      await own.release();
      expect(await staysOpen(free)).toBe(true);
      there.release();
      await free;
    });
  },
);
