import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { LockManager } from 'holdfast';
import { beforeEach, describe, expect, it } from 'vitest';
import { queueDirectory } from '../../src/engine/kernel/entry.ts';
import { fileResource } from '../../src/lock/resource.ts';
import { Agent } from '../support/agent.ts';
import { asUser } from '../support/child.ts';
import { mountTmpfs } from '../support/disk.ts';
import { needsRoot } from '../support/root.ts';
import { tempDirectory } from '../support/temp.ts';
import { tool } from '../support/tool.ts';

const NOBODY = 65534;
const SOMEBODY = 61234; // a uid that no user database knows

function directory(parent: string, name: string, mode: number, owner = 0): string {
  const path = join(parent, name);
  mkdirSync(path);
  chmodSync(path, mode);
  chownSync(path, owner, owner);
  return path;
}

beforeEach(() => needsRoot());

describe('a lock file that may be read but not written', () => {
  async function readOnlyFile() {
    const home = tempDirectory();
    const data = directory(home, 'data', 0o755);
    writeFileSync(join(data, 'roles.json'), '{}', { mode: 0o644 });
    const target = { file: join(data, 'roles.json') };
    const [owner] = await Agent.several(home, 1);
    await owner.acquire(target);
    await owner.release();
    const reader = await Agent.start({
      home: directory(home, 'nobody', 0o700, NOBODY),
      through: asUser(NOBODY),
    });
    return { owner, reader, target };
  }

  it('is locked through a read-only descriptor, which is told as degraded [H17, C5]', async () => {
    const { reader, target } = await readOnlyFile();
    await reader.run(({ holdfast, values }) => {
      const seen: string[] = [];
      values.seen = seen;
      holdfast.onLockEvent('degraded', ({ degradation }) => seen.push(degradation.reason));
    });

    const granted = await reader.acquire(target);

    expect(granted.degraded).toEqual(['read-only-file']);
    expect(await reader.run(({ values }) => values.seen)).toEqual(['read-only-file']);
    await expect(reader.run(({ locks }) => locks.lock?.token)).rejects.toMatchObject({
      code: 'HOLDFAST_UNSUPPORTED',
    });
  });

  it('is upgraded without a token, which is told as degraded [X11, H17]', async () => {
    const { owner, reader, target } = await readOnlyFile();
    await reader.acquire(target, { mode: 'shared' });
    await reader.run(({ holdfast, values }) => {
      const seen: string[] = [];
      values.seen = seen;
      holdfast.onLockEvent('degraded', ({ degradation }) => seen.push(degradation.reason));
    });

    await reader.run(({ locks }) => locks.lock?.upgrade());

    expect(await reader.run(({ locks }) => locks.lock?.degraded.map(({ reason }) => reason))).toEqual([
      'read-only-file',
    ]);
    expect(await reader.run(({ values }) => values.seen)).toEqual(['read-only-file']);
    const token = () => reader.run(({ locks }) => locks.lock?.token);
    await expect(token()).rejects.toMatchObject({ code: 'HOLDFAST_UNSUPPORTED' });
    await reader.release();
    expect(await owner.couldAcquire(target)).toBe(true);
  });

  it('excludes those who can write it and is excluded by them, in both modes [H17, C5]', async () => {
    const { owner, reader, target } = await readOnlyFile();

    await reader.acquire(target);
    expect(await owner.couldAcquire(target)).toBe(false);
    expect(await owner.couldAcquire(target, { mode: 'shared' })).toBe(false);
    await reader.release();

    await owner.acquire(target, { mode: 'shared' });
    expect(await reader.couldAcquire(target)).toBe(false);
    expect(await reader.couldAcquire(target, { mode: 'shared' })).toBe(true);
    await owner.release();
    expect(await reader.couldAcquire(target)).toBe(true);
  });

  it('wakes its waiters when it is released, whoever held it [H17, C5]', async () => {
    const { owner, reader, target } = await readOnlyFile();

    await owner.acquire(target);
    await reader.wait(target, { timeout: 120_000, pollInterval: 60_000 });
    await owner.release();
    await reader.granted();
    await owner.wait(target, { timeout: 120_000, pollInterval: 60_000 });
    await reader.release();
    await owner.granted();
  });

  it('is refused by a strict manager, and not held then [H17, C5]', async () => {
    const { owner, reader, target } = await readOnlyFile();
    await reader.manage({ strict: true });

    await expect(reader.acquire(target)).rejects.toMatchObject({ code: 'HOLDFAST_DEGRADED' });

    expect(await owner.couldAcquire(target)).toBe(true);
  });

  it('because its file system is read-only excludes all the same, and says so [X56, H17, C5]', async () => {
    const home = tempDirectory();
    const mount = join(home, 'mount');
    mountTmpfs(mount, 'size=1m');
    const target = { file: join(mount, 'roles.json') };
    const [holder, other] = await Agent.several(home, 2);
    await holder.acquire(target);
    await holder.release();
    tool('mount', ['-o', 'remount,ro', mount]);

    const granted = await holder.acquire(target);

    expect(granted.degraded).toEqual(['read-only-file']);
    expect(await other.couldAcquire(target)).toBe(false);
    await holder.release();
    expect(await other.couldAcquire(target)).toBe(true);
  });
});

describe('a directory that may not be written', () => {
  async function unwritable(fallback = false) {
    const home = tempDirectory();
    const locked = directory(home, 'locked', 0o755);
    const target = { file: join(locked, 'roles.json') };
    const own = directory(home, 'nobody', 0o700, NOBODY);
    const agent = () => Agent.start({ home: own, through: asUser(NOBODY), manager });
    const manager = fallback ? { fallbackDirectory: join(own, 'fallback') } : {};
    return { home, locked, target, agent, own };
  }

  it('is an UnwritableError that names the lock file, when no fallback is set [H17]', async () => {
    const { target, agent, locked } = await unwritable();
    const nobody = await agent();
    const { path } = fileResource(target.file);

    await expect(nobody.acquire(target)).rejects.toMatchObject({
      code: 'HOLDFAST_UNWRITABLE',
      path,
      systemCode: 'EACCES',
      message: expect.stringContaining(path),
    });

    expect(readdirSync(locked)).toEqual([]);
  });

  it('is an UnwritableError also for a manager’s directory that cannot be made [H17]', async () => {
    const { agent, locked } = await unwritable();
    const nobody = await agent();
    await nobody.manage({ directory: join(locked, 'deep/locks') });

    await expect(nobody.acquire('mirror')).rejects.toMatchObject({
      code: 'HOLDFAST_UNWRITABLE',
      systemCode: 'EACCES',
    });
  });

  it('sends a lock to the fallback directory, which is told once, where it excludes others [H17, C5]', async () => {
    const { target, agent, own } = await unwritable(true);
    const [first, second] = [await agent(), await agent()];
    await first.run(({ holdfast, values }) => {
      const seen: string[] = [];
      values.seen = seen;
      holdfast.onLockEvent('degraded', ({ degradation }) => seen.push(degradation.reason));
    });

    const granted = await first.acquire(target);

    expect(granted.degraded).toEqual(['fallback-directory']);
    expect(granted.path.startsWith(`${own}/fallback/`)).toBe(true);
    expect(await first.run(({ values }) => values.seen)).toEqual(['fallback-directory']);
    expect(await second.couldAcquire(target)).toBe(false);
    await second.wait(target, { timeout: 120_000 });
    await first.release();
    expect((await second.granted()).degraded).toEqual(['fallback-directory']);
    expect(await second.run(({ locks }) => locks.lock?.token)).toBeGreaterThan(0);
  });

  it('has a lock that is looked at where it is held [H17, C5]', async () => {
    const { target, agent } = await unwritable(true);
    const [holder, looker] = [await agent(), await agent()];
    const look = () => looker.run(({ manager }, file) => manager.inspect({ file }).state, target.file);
    expect(await look()).toBe('free');

    await holder.acquire(target);
    expect(await look()).toBe('exclusive');
    const free = looker.run(({ manager }, file) => manager.untilFree({ file }), target.file);
    await holder.release();
    await free;
    expect(await look()).toBe('free');
  });

  it('is refused by a strict manager although a fallback is set [H17, C5]', async () => {
    const { target, agent, own } = await unwritable(true);
    const nobody = await agent();
    await nobody.manage({ strict: true, fallbackDirectory: join(own, 'fallback') });

    await expect(nobody.acquire(target)).rejects.toMatchObject({ code: 'HOLDFAST_DEGRADED' });
  });

  it('sends no lock to a fallback directory in which every user could swap it [C5, R69, H18]', async () => {
    const open = directory(tempDirectory(), 'open', 0o777);
    const manager = new LockManager({ fallbackDirectory: open });

    await expect(manager.acquire({ file: '/proc/roles.json' })).rejects.toMatchObject({
      code: 'HOLDFAST_REFUSED',
      path: open,
    });

    expect(readdirSync(open)).toEqual([]);
  });

  it('does not split contenders: a lock file that exists and can be read is used, not the fallback [H17, C5]', async () => {
    const { home, target, agent, own } = await unwritable(true);
    const [root] = await Agent.several(home, 1);
    await root.acquire(target);
    const nobody = await agent();

    expect(await nobody.couldAcquire(target)).toBe(false);

    await root.release();
    expect((await nobody.acquire(target)).degraded).toEqual(['read-only-file']);
    expect(existsSync(join(own, 'fallback'))).toBe(false);
    expect(await root.couldAcquire(target)).toBe(false);
  });

  it('of a read-only mount is an UnwritableError, or the fallback directory (mounted here as root) [H17, C5]', async () => {
    const home = tempDirectory();
    const mount = join(home, 'mount');
    mountTmpfs(mount, 'ro');
    const target = { file: join(mount, 'roles.json') };

    await expect(new LockManager().acquire(target)).rejects.toMatchObject({
      code: 'HOLDFAST_UNWRITABLE',
      systemCode: 'EROFS',
    });
    const manager = new LockManager({ fallbackDirectory: join(home, 'fallback') });
    const lock = await manager.acquire(target);
    expect(lock.degraded).toMatchObject([{ reason: 'fallback-directory' }]);
    await lock.release();
  });
});

describe('a directory open to all users', () => {
  it('gives a lock to nobody on a file that a stranger planted there [H17, R65, R69]', async () => {
    const home = tempDirectory();
    const open = directory(home, 'open', 0o1777);
    const target = { file: join(open, 'roles.json') };
    const [stranger, victim] = await Promise.all([
      Agent.start({ home: directory(home, 'a', 0o700, SOMEBODY), through: asUser(SOMEBODY) }),
      Agent.start({ home: directory(home, 'b', 0o700, NOBODY), through: asUser(NOBODY) }),
    ]);
    const { path } = await stranger.acquire(target);
    await stranger.release();
    chmodSync(path, 0o666);
    const before = readFileSync(path);

    await expect(victim.acquire(target)).rejects.toMatchObject({
      code: 'HOLDFAST_REFUSED',
      path,
      message: expect.stringContaining(String(SOMEBODY)),
    });
    await expect(new LockManager().acquire(target)).rejects.toMatchObject({ code: 'HOLDFAST_REFUSED' });

    expect(readFileSync(path).equals(before)).toBe(true);
    expect(await stranger.couldAcquire(target)).toBe(true);
  });

  it('accepts a lock file of the owner of the data [H17, R65]', async () => {
    const home = tempDirectory();
    const open = directory(home, 'open', 0o1777);
    const target = { file: join(open, 'roles.json') };
    writeFileSync(target.file, '{}');
    chownSync(target.file, SOMEBODY, SOMEBODY);
    const owner = await Agent.start({
      home: directory(home, 'a', 0o700, SOMEBODY),
      through: asUser(SOMEBODY),
    });
    await owner.acquire(target);

    await expect(new LockManager().acquire(target, { timeout: 0 })).rejects.toMatchObject({
      code: 'HOLDFAST_BUSY',
    });
  });
});

describe('the lock file of a data file', () => {
  it('gets the mode of the data, and made by root its owner, so that the owner can lock it too [H17, R65]', async () => {
    const home = tempDirectory();
    const shared = directory(home, 'shared', 0o755, NOBODY);
    const target = { file: join(shared, 'roles.json') };
    writeFileSync(target.file, '{}');
    chownSync(target.file, NOBODY, NOBODY);
    chmodSync(target.file, 0o640);

    const lock = await new LockManager().acquire(target);
    await lock.release();

    const { mode, uid, gid } = statSync(lock.path);
    expect({ mode: mode & 0o7777, uid, gid }).toEqual({ mode: 0o640, uid: NOBODY, gid: NOBODY });
    const owner = await Agent.start({
      home: directory(home, 'b', 0o700, NOBODY),
      through: asUser(NOBODY),
    });
    expect((await owner.acquire(target)).degraded).toEqual([]);
  });

  it('of a name is for its user alone: mode 0600 in a directory of mode 0700 [R69]', async () => {
    const directory = join(tempDirectory(), 'state', 'locks');

    const lock = await new LockManager({ directory }).acquire('mirror');
    await lock.release();

    expect(statSync(lock.path).mode & 0o7777).toBe(0o600);
    expect(statSync(directory).mode & 0o7777).toBe(0o700);
  });
});

describe('an anonymous record', () => {
  it.each(['exclusive', 'shared'] as const)(
    'contains neither process nor user, host or command (%s) [R68]',
    async (mode) => {
      const home = tempDirectory();
      const holder = await Agent.start({
        home,
        manager: { directory: join(home, 'locks'), record: 'anonymous' },
      });
      const [other] = await Agent.several(home, 1);
      const known = await holder.run(async ({ holdfast }) => {
        const named = new holdfast.LockManager();
        const lock = await named.acquire('other');
        const { holders } = named.inspect('other');
        await lock.release();
        return holders[0];
      });
      expect(known).toMatchObject({ pid: holder.pid, command: expect.stringContaining('hold-agent') });

      const { path } = await holder.acquire('mirror', { mode, purpose: 'secret plan' });

      const files = [path];
      if (mode === 'shared')
        for (const name of readdirSync(queueDirectory(path))) files.push(join(queueDirectory(path), name));
      expect(files.length).toBe(mode === 'shared' ? 2 : 1);
      const text = files.map((file) => readFileSync(file, 'latin1')).join();
      for (const secret of [
        'pid',
        'start',
        'user',
        'host',
        'command',
        'thread',
        'hold-agent',
        'secret plan',
      ]) {
        expect(text.replaceAll('holdfast-lock', '')).not.toContain(secret);
      }
      const { state, holders } = await other.run(({ manager }) => manager.inspect('mirror'));
      expect(state).toBe(mode);
      expect(holders).toHaveLength(1);
      for (const secret of ['pid', 'user', 'host', 'command', 'purpose']) {
        expect(holders[0]).not.toHaveProperty(secret);
      }
    },
  );
});
