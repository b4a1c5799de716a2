import { once } from 'node:events';
import {
  chmodSync,
  closeSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { LockManager, type Target } from 'holdfast';
import { describe, expect, it, onTestFinished } from 'vitest';
import { queueDirectory } from '../../src/engine/kernel/entry.ts';
import { Child } from '../support/child.ts';
import { within } from '../support/deadline.ts';
import { locksIn } from '../support/place.ts';
import { tempDirectory } from '../support/temp.ts';
import { makeDevice, makeFifo } from '../support/tool.ts';
import { untilAsleepIn } from '../support/until.ts';

interface Place {
  readonly manager: LockManager;
  readonly target: Target;
  readonly path: string;
  /** A directory of the test, elsewhere. */
  readonly elsewhere: string;
}

function place(kind: 'name' | 'file'): Place {
  const home = tempDirectory();
  for (const name of ['locks', 'data', 'elsewhere']) mkdirSync(join(home, name), { mode: 0o700 });
  const manager = locksIn(home);
  const target = kind === 'name' ? 'mirror' : { file: join(home, 'data/roles.json') };
  return { manager, target, path: manager.pathOf(target), elsewhere: join(home, 'elsewhere') };
}

async function expectRefusal({ manager, target, path }: Place, what: string): Promise<void> {
  const refusal = { code: 'HOLDFAST_REFUSED', path, message: expect.stringContaining(what) };
  await expect(manager.acquire(target)).rejects.toMatchObject(refusal);
  await expect(manager.acquire(target, { mode: 'shared' })).rejects.toMatchObject(refusal);
  await expect(manager.tryAcquire(target)).rejects.toMatchObject(refusal);
  expect(() => manager.acquireSync(target)).toThrow(expect.objectContaining(refusal));
  expect(manager.inspect(target)).toMatchObject({ state: 'free', holders: [] });
}

/** After the place was seen to be in order once: what was learnt then must not be relied on. */
async function seenInOrder({ manager, target, path }: Place): Promise<void> {
  await (await manager.acquire(target)).release();
  unlinkSync(path);
}

const cases = (['name', 'file'] as const).flatMap((kind) => [
  { kind, when: 'from the start', prepare: async () => {} },
  { kind, when: 'after an acquisition', prepare: seenInOrder },
]);

describe.each(cases)('in the place of the lock file of a $kind, $when', ({ kind, prepare }) => {
  it('refuses a symbolic link and leaves its target alone [H18, R69]', async () => {
    const here = place(kind);
    await prepare(here);
    const victim = join(here.elsewhere, 'victim');
    writeFileSync(victim, '');
    utimesSync(victim, 1, 1);
    symlinkSync(victim, here.path);

    await expectRefusal(here, 'symbolic link');

    expect(readFileSync(victim, 'utf8')).toBe('');
    expect(lstatSync(victim).mtimeMs).toBe(1000);
    expect(readlinkSync(here.path)).toBe(victim);
  });

  it('refuses a dangling symbolic link and makes nothing at its target [H18, R69]', async () => {
    const here = place(kind);
    await prepare(here);
    const nowhere = join(here.elsewhere, 'nowhere');
    symlinkSync(nowhere, here.path);

    await expectRefusal(here, 'symbolic link');

    expect(existsSync(nowhere)).toBe(false);
    expect(readlinkSync(here.path)).toBe(nowhere);
  });

  it('refuses a FIFO [H18, R69]', async () => {
    const here = place(kind);
    await prepare(here);
    makeFifo(here.path);

    await expectRefusal(here, 'FIFO');

    expect(lstatSync(here.path).isFIFO()).toBe(true);
  });

  it('refuses a device (made here as root) [H18, R69]', async () => {
    const here = place(kind);
    await prepare(here);
    makeDevice(here.path);

    await expectRefusal(here, 'device');

    expect(lstatSync(here.path).isCharacterDevice()).toBe(true);
  });
  it('refuses a socket [H18, R69]', async () => {
    const here = place(kind);
    await prepare(here);
    const server = createServer().listen(here.path);
    await within(once(server, 'listening'), 'waiting for a socket');
    onTestFinished(() => void server.close());

    await expectRefusal(here, 'socket');

    expect(lstatSync(here.path).isSocket()).toBe(true);
  });

  it('refuses a directory and leaves what is in it [H18, R69]', async () => {
    const here = place(kind);
    await prepare(here);
    mkdirSync(here.path);
    writeFileSync(join(here.path, 'precious'), 'content');

    await expectRefusal(here, 'directory');

    expect(readFileSync(join(here.path, 'precious'), 'utf8')).toBe('content');
  });
});

it.each(['name', 'file'] as const)(
  'refuses a FIFO in the place of the lock of a %s without waking the reader that waits at it [H18, R69]',
  async (kind) => {
    const here = place(kind);
    makeFifo(here.path);
    const reader = new Child('cat', [here.path]);
    await untilAsleepIn(reader.pid, 'wait_for_partner');

    await expectRefusal(here, 'FIFO');

    // Had anybody opened the other end, the reader would have met its end by now.
    const fd = openSync(here.path, constants.O_WRONLY | constants.O_NONBLOCK);
    writeSync(fd, 'still waiting');
    closeSync(fd);
    expect(await reader.finish()).toMatchObject({ code: 0, stdout: 'still waiting' });
  },
);

it('leaves no marks of shared holders behind a symbolic link in the place of their directory [H18, R69]', async () => {
  const { manager, target, path, elsewhere } = place('file');
  symlinkSync(elsewhere, queueDirectory(path));

  const lock = await manager.acquire(target, { mode: 'shared' });

  expect(readdirSync(elsewhere)).toEqual([]);
  await expect(new LockManager().acquire(target, { timeout: 0 })).rejects.toMatchObject({
    code: 'HOLDFAST_BUSY',
  });
  await lock.release();
});

it('refuses a manager’s directory that every user could change things in [H18, R69]', async () => {
  const { manager, target, path } = place('name');
  chmodSync(manager.directory, 0o777);
  await expect(manager.acquire(target)).rejects.toMatchObject({ code: 'HOLDFAST_REFUSED' });
  expect(existsSync(path)).toBe(false);

  chmodSync(manager.directory, 0o1777);
  const lock = await manager.acquire(target);
  await lock.release();
});
