import { chmodSync, chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type AcquireOptions, LockManager } from 'holdfast';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { Agent } from '../support/agent.ts';
import { asUser } from '../support/child.ts';
import { needsRoot } from '../support/root.ts';
import { tempDirectory } from '../support/temp.ts';

const ANN = 65534;
const BEN = 61234;
const TEAM = 61999; // the group of both

/** A directory, and the data in it, if there is any: their owner, group and mode. */
interface Kind {
  readonly directory: readonly [uid: number, gid: number, mode: number];
  readonly data?: readonly [uid: number, gid: number, mode: number];
}

const KINDS: Record<string, Kind> = {
  'a directory of a team, which gives files its group,': {
    directory: [0, TEAM, 0o2775],
    data: [ANN, TEAM, 0o644],
  },
  'such a directory without the data': { directory: [0, TEAM, 0o2770] },
  'a directory of a team, which leaves files to their makers,': {
    directory: [ANN, TEAM, 0o775],
    data: [ANN, ANN, 0o644],
  },
  'a directory open to all, with data for all,': { directory: [0, 0, 0o1777], data: [0, 0, 0o666] },
  'a directory open to all, with data of a team,': { directory: [0, 0, 0o1777], data: [ANN, TEAM, 0o660] },
};

const UMASKS = [0o022, 0o002, 0o077, 0o777];

beforeEach(() => needsRoot());

function makePlace({ directory, data }: Kind): { readonly file: string } {
  const path = join(tempDirectory(), 'shared');
  mkdirSync(path);
  give(path, directory);
  const file = join(path, 'roles.json');
  if (data !== undefined) {
    writeFileSync(file, '{}');
    give(file, data);
  }
  return { file };
}

function give(path: string, [uid, gid, mode]: Kind['directory']): void {
  chownSync(path, uid, gid);
  chmodSync(path, mode);
}

async function startUsers() {
  const start = (uid: number) =>
    Agent.start({ home: tempDirectory(), through: asUser(uid, [TEAM]), env: {} });
  return Promise.all([start(ANN), start(BEN), start(BEN)]);
}

/** What root leaves who uses every kind of lock there first. */
async function useAsRoot(target: { readonly file: string }, engine: AcquireOptions, umask: number) {
  const before = process.umask(umask);
  onTestFinished(() => void process.umask(before));
  const locks = new LockManager();
  for (const options of [{}, { mode: 'shared' }, { permits: 2 }] as const) {
    await (await locks.acquire(target, { ...engine, ...options })).release();
  }
  process.umask(before);
}

/** Whose process waits, first in line first, and who holds, as any user sees it. */
function see(agent: Agent, target: { readonly file: string }) {
  return agent.run(({ manager }, target) => {
    const { holders, waiters } = manager.inspect(target);
    return {
      holders: holders.map(({ pid, foreign }) => (foreign === true ? 'unknown' : pid)),
      waiters: waiters.map(({ record }) => record.pid),
    };
  }, target);
}

describe.each(Object.entries(KINDS))('a lock in %s', (name, kind) => {
  const isSticky = (kind.directory[2] & 0o1000) !== 0;

  it.each(['kernel', 'portable'] as const)(
    'is for two users alike, whoever came first and under whatever umask (%s) [X33, X34, X35, X36, H17]',
    async (engineName) => {
      const engine: AcquireOptions = { engine: engineName, timeout: 120_000 };
      const [ann, ben, second] = await startUsers();
      const users = [ann, ben, second];
      for (const umask of UMASKS) {
        for (const user of users) await user.run((_, mask) => void process.umask(mask), umask);
        for (const first of ['root', 'ann', 'ben'] as const) {
          const where = `umask ${umask.toString(8)}, first ${first}`;
          const target = makePlace(kind);
          if (first === 'root') await useAsRoot(target, engine, umask);
          const [holder, waiter] = first === 'ann' ? [ann, ben] : [ben, ann];

          expect((await holder.acquire(target, engine)).degraded, where).toEqual([]);
          await waiter.wait(target, engine);
          await second.wait(target, engine, 'later');
          expect(await see(ann, target), where).toEqual({
            holders: [holder.pid],
            waiters: [waiter.pid, second.pid],
          });
          await holder.release();
          const served = async (user: Agent, as?: string) => {
            expect((await user.granted(as)).degraded, where).toEqual([]);
            await user.release(as);
          };
          await Promise.all([served(waiter), served(second, 'later')]);

          for (const user of [ann, ben]) {
            const shared = await user.acquire(target, { ...engine, mode: 'shared' });
            expect(shared.degraded, where).toEqual([]);
          }
          const { holders } = await see(second, target);
          expect(holders.toSorted(), where).toEqual([ann.pid, ben.pid].toSorted());
          await ben.release();
          await ann.release();

          const permits = { engine: engineName, permits: 2 };
          for (const user of [ann, ben]) await user.acquire(target, permits);
          expect(await second.couldAcquire(target, permits), where).toBe(false);
          await ann.release();
          expect(await second.couldAcquire(target, permits), where).toBe(true);
          await ben.release();
        }
      }
    },
  );

  it.each(['kernel', 'portable'] as const)(
    'is the other user’s after its holder was killed, or refused at once where the directory forbids that (%s) [X34, X35, H17]',
    async (engine) => {
      const [ann, ben] = await startUsers();
      const target = makePlace(kind);
      for (const user of [ann, ben]) await user.run(() => void process.umask(0o077));
      const { path } = await ben.acquire(target, { engine });
      await ben.kill();

      const taken = ann.acquire(target, { engine, timeout: 120_000 });

      if (engine === 'portable' && isSticky) {
        await expect(taken).rejects.toMatchObject({
          code: 'HOLDFAST_REFUSED',
          path,
          message: expect.stringContaining(`only user id ${BEN} or root can remove it`),
        });
        const root = await new LockManager().acquire(target, { engine });
        await root.release();
        await ann.acquire(target, { engine });
      } else {
        expect(await taken, name).toMatchObject({ recovered: true });
      }
    },
  );

  it.each(['kernel', 'portable'] as const)(
    'is upgraded past a reader of the other user that was killed, or stays shared where the directory forbids that (%s) [X35]',
    async (engine) => {
      const [ann, ben] = await startUsers();
      const target = makePlace(kind);
      await ben.acquire(target, { engine, mode: 'shared' }); // the directory of the readers is his
      await ann.acquire(target, { engine, mode: 'shared' });
      await ben.kill();

      const upgraded = ann.run(({ locks: { lock } }) => lock?.upgrade({ timeout: 120_000 }));

      const isRefused = engine === 'portable' && isSticky;
      if (isRefused) {
        const message = expect.stringContaining(`only user id ${BEN} or root can remove it`);
        await expect(upgraded).rejects.toMatchObject({ code: 'HOLDFAST_REFUSED', message });
      } else {
        await upgraded;
      }
      const { mode } = await ann.run(({ locks: { lock } }) => {
        lock?.assertHeld();
        return { mode: lock?.mode };
      });
      expect(mode, name).toBe(isRefused ? 'shared' : 'exclusive');
    },
  );
});
