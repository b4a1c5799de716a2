import { chmodSync, existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type AcquireOptions, LockManager } from 'holdfast';
import { beforeEach, describe, expect, it } from 'vitest';
import { Agent } from '../support/agent.ts';
import { asUser } from '../support/child.ts';
import { Latch } from '../support/latch.ts';
import { needsRoot } from '../support/root.ts';
import { tempDirectory } from '../support/temp.ts';
import { untilAsleepIn } from '../support/until.ts';

const ANN = 65534;
const BEN = 61234;
const KERNEL = { engine: 'kernel' } as const;

beforeEach(() => needsRoot());

/** Data for all, in a directory for all. */
function placeForAll(): { readonly file: string } {
  const directory = join(tempDirectory(), 'all');
  mkdirSync(directory);
  chmodSync(directory, 0o777);
  const file = join(directory, 'roles.json');
  writeFileSync(file, '{}');
  chmodSync(file, 0o666);
  return { file };
}

/** Ann, whose umask leaves others nothing, and Ben. */
async function startUsers(): Promise<[ann: Agent, ben: Agent]> {
  const start = (uid: number) => Agent.start({ home: tempDirectory(), through: asUser(uid), env: {} });
  const [ann, ben] = await Promise.all([start(ANN), start(BEN)]);
  await ann.run(() => void process.umask(0o077));
  return [ann, ben];
}

/** From now on, an agent sleeps whenever it is about to give such a thing that it made its rights. */
async function holdBeforeRights(agent: Agent, what: 'file' | 'directory'): Promise<Latch> {
  const latch = new Latch(join(tempDirectory(), 'latch'));
  chmodSync(dirname(latch.path), 0o755);
  chmodSync(latch.path, 0o666);
  await agent.run(
    ({ fs }, path, what) => {
      const { fchmodSync } = fs;
      const { syncBuiltinESMExports } = process.getBuiltinModule('node:module');
      fs.fchmodSync = (fd, mode) => {
        if (fs.fstatSync(fd).isDirectory() === (what === 'directory')) fs.closeSync(fs.openSync(path, 'r'));
        fchmodSync(fd, mode);
      };
      syncBuiltinESMExports();
    },
    latch.path,
    what,
  );
  return latch;
}

describe('a lock whose first user is held up while it makes its file', () => {
  it.each<[string, AcquireOptions]>([
    ['alone', KERNEL],
    ['with others', { ...KERNEL, mode: 'shared' }],
    ['as one of its permits', { ...KERNEL, permits: 2 }],
  ])('is held %s by another user meanwhile [X33, X34]', async (_how, options) => {
    const [ann, ben] = await startUsers();
    const target = placeForAll();
    const latch = await holdBeforeRights(ann, 'file');
    const anns = ann.acquire(target, { ...options, timeout: 60_000 });
    anns.catch(() => {}); // looked at below
    await untilAsleepIn(ann.pid, 'wait_for_partner');

    expect((await ben.acquire(target, options)).degraded).toEqual([]);

    latch.open();
    await ben.release();
    expect((await anns).degraded).toEqual([]);
    await ann.release();
  });

  it('has none, once it was killed there, and the next user makes it [X33, R4]', async () => {
    const [ann, ben] = await startUsers();
    const target = placeForAll();
    await holdBeforeRights(ann, 'file');
    ann.acquire(target, KERNEL).catch(() => {}); // it ends before it answers
    await untilAsleepIn(ann.pid, 'wait_for_partner');
    await ann.kill();

    expect(existsSync(new LockManager().pathOf(target))).toBe(false);
    const { path } = await ben.acquire(target, KERNEL);
    expect(statSync(path)).toMatchObject({ uid: BEN, mode: 0o100666 });
  });
});
