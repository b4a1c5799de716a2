import { chmodSync, chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { here } from '../../src/identity/index.ts';
import { Agent, type Remote } from '../support/agent.ts';
import { asUser } from '../support/child.ts';
import { tempDirectory } from '../support/temp.ts';

const NOBODY = 65534;
const EVERYBODY_ELSE = { through: asUser(NOBODY) };

/** A lock on a file that its owner alone may read, and another user who looks at it. */
async function setUp() {
  const home = tempDirectory();
  const [owner] = await Agent.several(home, 1);
  const target = { file: join(home, 'roles.json') };
  writeFileSync(target.file, '{}', { mode: 0o600 });
  const elsewhere = join(home, 'nobody');
  mkdirSync(elsewhere);
  chownSync(elsewhere, NOBODY, NOBODY);
  const stranger = await Agent.start({ home: elsewhere, ...EVERYBODY_ELSE });
  return { owner, stranger, target };
}

const inspect = ({ manager }: Remote, target: { file: string }) => {
  const { state, holders } = manager.inspect(target);
  return { state, pids: holders.map(({ pid }) => pid) };
};

describe('a lock file that must not be read', () => {
  it('is seen to be held all the same, and by whom [H17, R82]', async () => {
    const { owner, stranger, target } = await setUp();
    await owner.acquire(target);
    expect(await stranger.run(inspect, target)).toEqual({ state: 'exclusive', pids: [owner.pid] });
    await owner.release();

    await owner.acquire(target, { mode: 'shared' });
    expect(await stranger.run(inspect, target)).toEqual({ state: 'shared', pids: [owner.pid] });
  });

  it('is waited for until its holder releases it [H17]', async () => {
    const { owner, stranger, target } = await setUp();
    await owner.acquire(target);
    const seen = await stranger.run(async ({ manager, values, passTime }, target) => {
      const free = manager.untilFree(target);
      values.free = free;
      const looked = passTime(1_000).then(() => 'held'); // in which it looks several times
      return Promise.race([free.then(() => 'free'), looked]);
    }, target);
    expect(seen).toBe('held');

    await owner.release();

    await stranger.run(({ values }) => values.free as Promise<void>);
  });

  it('is never called free where nobody can tell, but named by an error, also to who wants it [H17, R82]', async () => {
    const { owner, stranger, target } = await setUp();
    const { path } = await owner.acquire(target);
    await owner.release();
    const unseen = {
      code: 'HOLDFAST_UNWRITABLE',
      resource: target.file,
      path,
      message: expect.stringMatching(
        /is there and cannot be opened: EACCES\. Have its owner let this user read it/,
      ),
    };

    await expect(stranger.run(inspect, target)).rejects.toMatchObject(unseen);
    const watch = stranger.run(({ manager }, target) => manager.untilFree(target), target);
    await expect(watch).rejects.toMatchObject(unseen);
    await expect(stranger.acquire(target, { timeout: 0 })).rejects.toMatchObject(unseen);
  });
});

it('a portable lock whose readers one may not list is not called free, nor a claim of it gone [H17, R82]', async () => {
  const { owner, stranger, target } = await setUp();
  await owner.acquire(target, { mode: 'shared', engine: 'portable' });
  const unseen = {
    code: 'HOLDFAST_UNWRITABLE',
    resource: target.file,
    message: expect.stringMatching(/cannot be seen: EACCES/),
  };

  await expect(stranger.run(inspect, target)).rejects.toMatchObject(unseen);
  const watch = stranger.run(({ manager }, target) => manager.untilFree(target), target);
  await expect(watch).rejects.toMatchObject(unseen);
  const broken = stranger.run(({ manager }, target) => manager.breakClaim(target, 'claim'), target);
  await expect(broken).rejects.toMatchObject(unseen);
});

it('a directory that one may not look into is not called empty, nor a claim in it gone [H17, R82]', async () => {
  const home = tempDirectory();
  const closed = join(home, 'closed');
  mkdirSync(closed, { mode: 0o700 });
  const file = join(closed, 'roles.json');
  writeFileSync(file, '{}');
  const stranger = await Agent.start({ home: closed, ...EVERYBODY_ELSE });

  for (const look of ['list', 'query'] as const) {
    const seen = stranger.run(({ manager }, look) => manager[look](), look);
    await expect(seen).rejects.toMatchObject({
      code: 'HOLDFAST_UNWRITABLE',
      path: join(closed, 'locks'),
      systemCode: 'EACCES',
      message: expect.stringMatching(
        /^The locks in .*closed.locks cannot be read \(EACCES\)\. .*belongs to root/,
      ),
    });
  }
  const broken = stranger.run(({ manager }, file) => manager.breakClaim({ file }, 'claim'), file);
  await expect(broken).rejects.toMatchObject({
    code: 'HOLDFAST_UNWRITABLE',
    resource: file,
    message: expect.stringMatching(/cannot be seen: EACCES/),
  });
  expect(
    await stranger.run(({ manager }) => manager.breakClaim({ name: 'x' }, 'claim')).catch(String),
  ).toMatch(/cannot be seen: EACCES/);
});

it('a directory whose names alone one may read is not listed as one without locks [H17, R82]', async () => {
  const home = tempDirectory();
  const [owner] = await Agent.several(home, 1);
  await owner.acquire('mirror');
  const locks = join(home, 'locks');
  chmodSync(locks, 0o444);
  const stranger = await Agent.start({ home, ...EVERYBODY_ELSE });

  for (const look of ['list', 'query'] as const) {
    await expect(stranger.run(({ manager }, look) => manager[look](), look)).rejects.toMatchObject({
      code: 'HOLDFAST_UNWRITABLE',
      path: locks,
      systemCode: 'EACCES',
      message: expect.stringMatching(/^The locks in .*locks cannot be read \(EACCES\)\. .*belongs to root/),
    });
  }
});

it('a lock is not called free by a process without a free descriptor, nor does its timeout become another error [H23]', async () => {
  const home = tempDirectory();
  const [other] = await Agent.several(home, 1);
  const agent = await Agent.start({ home, through: ['prlimit', '--nofile=200'] });
  await agent.acquire('mirror');
  await other.acquire('registry');
  await other.acquire('catalogue', { mode: 'shared', engine: 'portable' }, 'catalogue');
  await agent.wait('registry', { timeout: 1_000 }, 'late');
  const outcome = await agent.run(async ({ fs, manager, waits }) => {
    const open: number[] = [];
    try {
      for (;;) open.push(fs.openSync('/dev/null', 'r'));
    } catch {
      // All are used up.
    }
    const codeOf = (call: () => unknown) =>
      Promise.resolve()
        .then(call)
        .then(
          () => 'free',
          (error: { code: string }) => error.code,
        );
    const codes = [
      await codeOf(() => manager.inspect('mirror')),
      await codeOf(() => manager.untilFree('mirror')),
      await codeOf(() => manager.inspect('catalogue')),
      await codeOf(() => manager.untilFree('catalogue')),
      await codeOf(() => manager.list()),
      await codeOf(() => manager.query()),
      await codeOf(() => waits.late),
    ];
    for (const fd of open) fs.closeSync(fd);
    return codes;
  });

  expect(outcome).toEqual([...Array(6).fill('HOLDFAST_EXHAUSTED'), 'HOLDFAST_TIMEOUT']);
});

it.each(['auto', 'portable'] as const)(
  'a process whose first use of a lock found no descriptor is as any other once it has some (%s) [H23, X34]',
  async (engine) => {
    const home = tempDirectory();
    const [other] = await Agent.several(home, 1);
    const agent = await Agent.start({ home, through: ['prlimit', '--nofile=200'] });
    const first = await agent.run(async ({ fs, manager }, engine) => {
      const open: number[] = [];
      try {
        for (;;) open.push(fs.openSync('/dev/null', 'r'));
      } catch {
        // All are used up.
      }
      const codeOf = (error: { code: string }) => error.code;
      const code = await manager.acquire('mirror', { engine, timeout: 100 }).then(() => 'granted', codeOf);
      for (const fd of open) fs.closeSync(fd);
      return code;
    }, engine);

    const lock = await agent.acquire('mirror', { engine });
    const seen = await other.run(({ manager }) => manager.inspect('mirror'));

    expect(first).toBe('HOLDFAST_EXHAUSTED');
    expect(lock.degraded).toEqual([]);
    expect(seen).toMatchObject({
      contract: engine === 'auto' ? 'kernel' : 'claim',
      holders: [{ pid: agent.pid, boot: here().boot, start: expect.any(String) }],
    });
    await agent.kill();
    expect(await other.acquire('mirror', { engine })).toMatchObject({ recovered: true });
  },
);
