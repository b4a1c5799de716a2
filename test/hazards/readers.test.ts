import { chmodSync, chownSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AcquireOptions } from 'holdfast';
import { beforeEach, describe, expect, it } from 'vitest';
import { Agent } from '../support/agent.ts';
import { asUser } from '../support/child.ts';
import { needsRoot } from '../support/root.ts';
import { tempDirectory } from '../support/temp.ts';

const OWNER = 65534;
const READER = 61234;
const TEAM = 61999; // the group of both

beforeEach(() => needsRoot());

/** Data of one user, which others may only read, in a directory that both can write, with the sticky bit. */
async function setUp(group = 0, mode = 0o1777) {
  const path = join(tempDirectory(), 'open');
  mkdirSync(path);
  chownSync(path, 0, group);
  chmodSync(path, mode);
  const file = join(path, 'roles.json');
  writeFileSync(file, '{}', { mode: 0o644 });
  chownSync(file, OWNER, OWNER);
  const start = (uid: number) =>
    Agent.start({ home: tempDirectory(), through: asUser(uid, [TEAM]), env: {} });
  const [owner, reader] = await Promise.all([start(OWNER), start(READER)]);
  return { owner, reader, target: { file }, names: () => readdirSync(path) };
}

const WAYS: readonly (AcquireOptions & { readonly kind: string })[] = [
  { kind: 'exclusive' },
  { kind: 'shared', mode: 'shared' },
  { kind: 'a permit', permits: 2 },
];

describe('who may only read the data, in a directory with the sticky bit,', () => {
  it.each((['kernel', 'portable'] as const).flatMap((engine) => WAYS.map((way) => ({ engine, ...way }))))(
    'makes nothing there that would shut the owner of the data out ($engine, $kind) [X34, X35, R69]',
    async ({ kind: _, ...options }) => {
      const { owner, reader, target, names } = await setUp();

      await expect(reader.acquire(target, options)).rejects.toMatchObject({
        code: 'HOLDFAST_REFUSED',
        message: expect.stringMatching(
          RegExp(
            `would belong to user id ${READER}, and keep user id ${OWNER}, who owns the data, from the lock, .* was not made`,
          ),
        ),
      });

      expect(names()).toEqual(['roles.json']);
      expect((await owner.acquire(target, options)).degraded).toEqual([]);
      await owner.release();
    },
  );

  it.each(['kernel', 'portable'] as const)(
    'makes nothing there either when the directory is open to a group (%s) [X34, X35]',
    async (engine) => {
      const { owner, reader, target, names } = await setUp(TEAM, 0o1775);

      await expect(reader.acquire(target, { engine })).rejects.toMatchObject({ code: 'HOLDFAST_REFUSED' });

      expect(names()).toEqual(['roles.json']);
      expect((await owner.acquire(target, { engine, permits: 2 })).degraded).toEqual([]);
    },
  );

  it('makes them in one without it, where he may replace the data, and its owner uses them [X34]', async () => {
    const { owner, reader, target } = await setUp(0, 0o777);
    for (const options of WAYS.map(({ kind: _, ...way }) => way)) {
      for (const user of [reader, owner]) {
        expect((await user.acquire(target, options)).degraded).toEqual([]);
        await user.release();
      }
    }
  });

  it('is in line all the same where the queue that is there lets him [X34]', async () => {
    const { owner, reader, target } = await setUp();
    const other = await Agent.start({ home: tempDirectory(), through: asUser(OWNER), env: {} });
    chmodSync(target.file, 0o666);
    await owner.acquire(target);
    await other.wait(target);
    chmodSync(target.file, 0o644); // what was made before keeps its rights
    await reader.wait(target);

    const pids = await owner.run(({ manager }, file) => {
      return manager.inspect(file).waiters.map(({ record }) => record.pid);
    }, target);

    expect(pids).toEqual([other.pid, reader.pid]);
  });

  it('takes no permit beside a lock file of its owner either [X7, X34]', async () => {
    const { owner, reader, target, names } = await setUp();
    await owner.acquire(target);
    await owner.release();
    const before = names();

    await expect(reader.acquire(target, { permits: 2 })).rejects.toMatchObject({ code: 'HOLDFAST_REFUSED' });

    expect(names()).toEqual(before);
    await owner.acquire(target, { permits: 2 });
  });

  it('is told that its owner, or root, may lock it first, and locks it when one has [X34, H17]', async () => {
    const { owner, reader, target } = await setUp();
    await expect(reader.acquire(target)).rejects.toThrow(`lock it as user id ${OWNER} or root first`);
    await owner.acquire(target);
    await owner.release();

    await reader.run(({ holdfast, values }) => {
      holdfast.onLockEvent('degraded', ({ degradation }) => {
        values.detail = degradation.detail;
      });
    });
    expect((await reader.acquire(target)).degraded).toEqual(['read-only-file']);
    await reader.release();

    expect((await reader.acquire(target, { mode: 'shared' })).degraded).toEqual(['record-not-written']);

    expect(await reader.run(({ values }) => values.detail)).toMatch(/could be left in .*: this user may not/);
    expect((await owner.acquire(target, { mode: 'shared' })).degraded).toEqual([]); // with a queue of its own
  });
});
