import { mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { LockManager } from 'holdfast';
import { describe, expect, it } from 'vitest';
import { Agent } from '../support/agent.ts';
import { heard, next } from '../support/events.ts';
import { tempDirectory } from '../support/temp.ts';
import { until } from '../support/until.ts';

/** A file in a directory of its own, whose lock another process holds. */
async function heldFile(engine: 'kernel' | 'portable') {
  const base = tempDirectory();
  const directory = join(base, 'data');
  mkdirSync(directory);
  const file = join(directory, 'roles.json');
  const [holder, other] = await Agent.several(base, 2);
  await holder.acquire({ file }, { engine });
  return { directory, file, other, remove: () => renameSync(directory, join(base, 'gone')) };
}

describe.each(['kernel', 'portable'] as const)(
  'a directory that is gone while a lock in it is waited for, under the %s engine,',
  (engine) => {
    it('is made again, where the waiter gets the lock, and an event says so [X10, H7, G13]', async () => {
      const { directory, file, remove } = await heldFile(engine);
      const made = heard('directory-made');
      const waiting = next('waiting');
      const wait = new LockManager({ engine }).acquire({ file }, { timeout: 60_000 });
      await waiting;

      remove();

      const lock = await wait;
      lock.assertHeld();
      expect(made).toMatchObject([{ resource: file, directory }]);
      await lock.release();
      await (await new LockManager({ engine }).acquire({ file })).release();
      expect(made).toHaveLength(1);
    });

    it('is made again by a waiter that blocks its thread, too [X10, H7, G13]', async () => {
      const { directory, file, other, remove } = await heldFile(engine);
      const told = other.run(
        ({ holdfast, manager }, file, engine) => {
          const made: string[] = [];
          const stop = holdfast.onLockEvent('directory-made', (event) => made.push(event.directory));
          void manager.acquireSync({ file }, { engine, timeout: 60_000 }).release();
          stop();
          return made;
        },
        file,
        engine,
      );
      const locks = new LockManager({ engine });
      await until(() => locks.inspect({ file }).waiters.length === 1, 'it waits');

      remove();

      expect(await told).toEqual([directory]);
    });
  },
);
