import {
  closeSync,
  existsSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmdirSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { slotPath } from '../../src/engine/file/permits.ts';
import { type EntryKind, entryKinds, entryName, queueDirectory } from '../../src/engine/kernel/entry.ts';
import { Agent } from '../support/agent.ts';
import { Child } from '../support/child.ts';
import { newPlace } from '../support/place.ts';
import { makeFifo } from '../support/tool.ts';

/** A name such as those of the entries in a lock's queue, older than any real one. */
function oldName(kind: EntryKind, number = 1): string {
  return entryName(kind, BigInt(number), '0123456789abcdef');
}

/** The size of a file, and what it begins with; some here are too big to be read whole. */
function beginning(path: string): unknown {
  const fd = openSync(path, 'r');
  const start = Buffer.alloc(4_096);
  const length = readSync(fd, start, 0, start.length, 0);
  closeSync(fd);
  return [statSync(path).size, start.toString('latin1', 0, length)];
}

function setUp() {
  const { home, locks: manager } = newPlace();
  const path = manager.pathOf('mirror');
  const queue = queueDirectory(path);
  mkdirSync(queue, { recursive: true, mode: 0o700 });
  return { home, manager, path, queue, victim: join(home, 'victim') };
}

/** The lock works: for one, for a second one that tries, for one that waits, and in both modes. */
async function expectToWork({ home, manager }: ReturnType<typeof setUp>): Promise<void> {
  const [other] = await Agent.several(home, 1);
  for (const mode of ['exclusive', 'shared'] as const) {
    const lock = await manager.acquire('mirror', { mode, timeout: 120_000 });
    expect(await other.couldAcquire('mirror')).toBe(false);
    await other.wait('mirror', { timeout: 120_000 });
    await lock.release();
    await other.granted();
    await other.release();
  }
  manager.query();
}

describe('what lies in the queue of a lock', () => {
  it('is left alone when it is not Holdfast’s, and disturbs nobody [H15, R66]', async () => {
    const at = setUp();
    const names = [
      'notes.txt',
      '.hidden',
      oldName('held').replace('held', 'unknown'),
      `${oldName('held')}.bak`,
      '0-held-0',
    ];
    for (const name of names) writeFileSync(join(at.queue, name), 'precious');

    await expectToWork(at);

    expect(readdirSync(at.queue).sort()).toEqual([...names].sort());
    for (const name of names) expect(readFileSync(join(at.queue, name), 'utf8')).toBe('precious');
  });

  it('is left alone when only its name is Holdfast’s, and disturbs nobody [H15, R66]', async () => {
    const at = setUp();
    const names = entryKinds.flatMap((kind, n) => [oldName(kind, 2 * n + 1), oldName(kind, 2 * n + 2)]);
    names.push(...[1, 2].map((permits) => basename(slotPath(at.path, 0, permits))));
    for (const name of names) writeFileSync(join(at.queue, name), 'precious');
    truncateSync(join(at.queue, names[1] as string), 2 ** 30);
    writeFileSync(join(at.queue, names[3] as string), Buffer.alloc(3_000)); // as a disk image begins
    const contents = names.map((name) => beginning(join(at.queue, name)));

    await expectToWork(at);

    expect(at.manager.inspect('mirror')).toMatchObject({ state: 'free', holders: [], waiters: [] });
    expect(readdirSync(at.queue).sort()).toEqual(names.toSorted());
    expect(names.map((name) => beginning(join(at.queue, name)))).toEqual(contents);
  });

  it('is left alone when it has another name elsewhere, even though it looks like Holdfast’s [H18, R66]', async () => {
    const at = setUp();
    const names = entryKinds.map((kind, at) => oldName(kind, at + 1));
    for (const name of names) {
      writeFileSync(join(at.home, name), 'holdfast-lock 1\nstate held\n');
      linkSync(join(at.home, name), join(at.queue, name));
    }

    await expectToWork(at);

    expect(readdirSync(at.queue).sort()).toEqual(names.toSorted());
  });

  it('is cleared away when it was left by the dead, also when they died over writing it [H15, R66, R45]', async () => {
    const at = setUp();
    for (const [number, kind] of entryKinds.entries()) {
      writeFileSync(join(at.queue, oldName(kind, number * 4 + 1)), '');
      writeFileSync(join(at.queue, oldName(kind, number * 4 + 2)), 'holdf');
      writeFileSync(join(at.queue, oldName(kind, number * 4 + 3)), Buffer.alloc(1_024));
      const huge = join(at.queue, oldName(kind, number * 4 + 4));
      writeFileSync(huge, 'holdfast-lock 1\nstate held\n');
      truncateSync(huge, 2 ** 30);
    }

    await expectToWork(at);

    expect(at.manager.inspect('mirror')).toMatchObject({ state: 'free', holders: [] });
    expect(existsSync(at.queue)).toBe(false);
  });

  it('blocks nobody and leads nobody astray when it is no file at all [H18, R66, R69]', async () => {
    const at = setUp();
    writeFileSync(at.victim, 'precious');
    for (const [number, kind] of entryKinds.entries()) {
      symlinkSync(at.victim, join(at.queue, oldName(kind, number * 4 + 1)));
      makeFifo(join(at.queue, oldName(kind, number * 4 + 2)));
      mkdirSync(join(at.queue, oldName(kind, number * 4 + 3)));
      symlinkSync(join(at.home, 'nowhere'), join(at.queue, oldName(kind, number * 4 + 4)));
    }

    await expectToWork(at);

    expect(readFileSync(at.victim, 'utf8')).toBe('precious');
    expect(existsSync(join(at.home, 'nowhere'))).toBe(false);
  });

  it('may be removed by hand at any time: waiters get the lock all the same [R66]', async () => {
    const at = setUp();
    const [first, second] = await Agent.several(at.home, 2);
    const lock = await at.manager.acquire('mirror');
    await first.wait('mirror', { timeout: 120_000 });
    await second.wait('mirror', { timeout: 120_000 });
    for (const ticket of readdirSync(at.queue)) rmSync(join(at.queue, ticket), { force: true });

    await lock.release();

    const winner = await Promise.race([
      first.granted().then(() => first),
      second.granted().then(() => second),
    ]);
    await winner.release();
    await Promise.all([first.granted(), second.granted()]);
  });

  it('cannot keep a free lock from a waiter, although a forged ticket is ahead and alive [R66]', async () => {
    const at = setUp();
    await (await at.manager.acquire('mirror')).release();
    mkdirSync(at.queue, { recursive: true });
    const ticket = join(at.queue, oldName('exclusive'));
    writeFileSync(ticket, Buffer.alloc(5_000, '{"cycle":["'));
    const forger = new Child('flock', ['-n', '-o', ticket, 'sh', '-c', 'echo held; read line; true']);
    await forger.line('held');

    const lock = await at.manager.acquire('mirror', { timeout: 120_000 });

    lock.assertHeld();
    await lock.release();
    expect(existsSync(ticket)).toBe(true);
  });

  it('is no obstacle as a file in the place of the directory, and waiters are served [H17, R66]', async () => {
    const at = setUp();
    rmdirSync(at.queue);
    writeFileSync(at.queue, 'precious');

    await expectToWork(at);

    expect(readFileSync(at.queue, 'utf8')).toBe('precious');
  });
});
