import { chmodSync, chownSync, mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Place } from '../../../src/engine/portable/place.ts';
import { portableEngine } from '../../../src/engine/portable/portable.ts';
import { fileResource } from '../../../src/lock/resource.ts';
import { Agent, type Remote } from '../../support/agent.ts';
import { asUser } from '../../support/child.ts';
import { newPlace } from '../../support/place.ts';
import { needsRoot } from '../../support/root.ts';
import { tempDirectory } from '../../support/temp.ts';
import { Thread } from '../../support/thread.ts';
import { until } from '../../support/until.ts';

const NOBODY = 65534;
const LIMIT = 60_000;
const options = { engine: 'portable', timeout: 0 } as const;
const patient = { engine: 'portable', timeout: LIMIT } as const;
const engine = portableEngine();

/** Data in a directory that can be moved, and where its lock is. */
function data() {
  const directory = join(tempDirectory(), 'tree');
  mkdirSync(directory);
  const at = (parent: string) => {
    const target = { file: join(parent, 'roles.json') };
    return { target, place: new Place(fileResource(target.file).path) };
  };
  const { target, place } = at(directory);
  writeFileSync(target.file, '{}');
  for (const path of [directory, target.file]) chownSync(path, NOBODY, NOBODY);
  return { directory, target, place, at };
}

const start = (through: readonly string[] = []) => Agent.start({ home: tempDirectory(), through });
const startPoor = () => start(['sh', '-c', 'ulimit -n 80; exec "$@"', 'sh']);

/** Has all descriptors of the process in use. */
const exhaust = ({ fs, values }: Remote) => {
  const taken: number[] = [];
  values.taken = taken;
  try {
    for (;;) taken.push(fs.openSync('/dev/null', 'r'));
  } catch {
    // None is left.
  }
};

const recover = ({ fs, values }: Remote) => {
  for (const fd of values.taken as number[]) fs.closeSync(fd);
};

const endOf = async ({ waits }: Remote) => {
  await waits.lock?.catch(() => {});
};

const ticketsIn = ({ queue }: Place) => readdirSync(queue).filter((name) => name.startsWith('ticket.'));

describe('a wait for a portable lock that ends while descriptors are used up', () => {
  /** A process whose wait has ended so, with its ticket still there; and the lock is free. */
  async function ghost() {
    needsRoot('pin directories by descriptors');
    const { target, place } = data();
    const [holder, waiter] = await Promise.all([start(), startPoor()]);
    await holder.acquire(target, options);
    await waiter.wait(target, patient);
    await waiter.run(exhaust);
    await waiter.elapse(LIMIT);
    await waiter.run(endOf);
    await waiter.run(recover);
    await holder.release();
    return { target, place, holder, waiter };
  }

  it('says that they are, and keeps nobody out afterwards [H23, X57]', async () => {
    const { target, place, holder, waiter } = await ghost();
    const code = await waiter.run(async ({ waits }) => {
      const error: { code?: string } = await (waits.lock as Promise<object>).catch((error) => error);
      return error.code;
    });

    await waiter.elapse(2000);

    expect(ticketsIn(place)).toEqual([]);
    expect(await holder.couldAcquire(target, { engine: 'portable' })).toBe(true);
    expect(code).toBe('HOLDFAST_EXHAUSTED');
  });

  it('is not in the way of its own process, at once [H23, X57]', async () => {
    const { target, waiter } = await ghost();

    expect(await waiter.couldAcquire(target, { engine: 'portable' })).toBe(true);
  });

  it('is no rival of the next upgrade, and lets readers in [H23, X57]', async () => {
    needsRoot('pin directories by descriptors');
    const { target } = data();
    const [reader, upgrader] = await Promise.all([start(), startPoor()]);
    for (const each of [reader, upgrader]) await each.acquire(target, { ...options, mode: 'shared' });
    await upgrader.run(({ locks, values }, timeout) => {
      values.upgrade = locks.lock?.upgrade({ timeout }).catch(() => {});
    }, LIMIT);
    await upgrader.run(exhaust);
    await upgrader.elapse(LIMIT);
    await upgrader.run(({ values }) => values.upgrade as Promise<void>);
    await upgrader.run(recover);
    await reader.release();

    await upgrader.run(({ locks }) => locks.lock?.upgrade({ timeout: 0 }));
    await upgrader.run(({ locks }) => locks.lock?.downgrade());
    await upgrader.elapse(2000);

    expect(await reader.couldAcquire(target, { engine: 'portable', mode: 'shared' })).toBe(true);
  });
});

describe.each(['closed', 'moved'] as const)('a directory that is %s in the instant in which', (how) => {
  /** Has the directory, or the queue directory in it, away until what this returns is called. */
  function away({ directory, place }: ReturnType<typeof data>): () => void {
    if (how === 'closed') {
      chmodSync(place.queue, 0o555);
      return () => chmodSync(place.queue, 0o755);
    }
    renameSync(directory, `${directory}.moved`);
    return () => renameSync(`${directory}.moved`, directory);
  }

  it('a wait ends keeps neither its ticket nor its note for longer than it is away [X57]', async () => {
    needsRoot();
    const [held, wanted] = [data(), data()];
    const [holder, waiter] = await Promise.all([start(asUser(NOBODY)), start(asUser(NOBODY))]);
    await holder.acquire(wanted.target, options);
    await waiter.run(
      ({ manager, values, waits }, held, wanted, patient) => {
        values.inside = manager.with(held, { engine: 'portable' }, async () => {
          waits.lock = manager.acquire(wanted, patient);
          await waits.lock.catch(() => {});
          await new Promise((resolve) => {
            values.leave = resolve;
          });
        });
      },
      held.target,
      wanted.target,
      patient,
    );
    await until(() => engine.waitsOf(held.place.lock).length === 1, 'the note is there');

    const back = [held, wanted].map(away);
    await waiter.elapse(LIMIT);
    await waiter.run(endOf);
    for (const undo of back) undo();
    await waiter.elapse(2000);

    expect(engine.waitsOf(held.place.lock)).toEqual([]);
    expect(ticketsIn(wanted.place)).toEqual([]);
  });

  it.each(['exclusive', 'shared'] as const)(
    'a lock is given back (%s) keeps it no longer than it is away [R9, F9]',
    async (mode) => {
      needsRoot();
      const place = data();
      const [holder, next] = await Promise.all([start(asUser(NOBODY)), start(asUser(NOBODY))]);
      await holder.acquire(place.target, { ...options, mode });

      const back = away(place);
      await holder.release();
      back();
      await holder.elapse(2000);

      expect(await next.couldAcquire(place.target, { engine: 'portable' })).toBe(true);
    },
  );
});

describe('the process that gave a lock back, or waited, while the directory was moved elsewhere', () => {
  it.each(['exclusive', 'shared'] as const)('finds the lock free there (%s) [R9, F9]', async (mode) => {
    const { directory, target, at } = data();
    const holder = await start();
    await holder.acquire(target, { ...options, mode });
    renameSync(directory, `${directory}.moved`);
    await holder.release();

    const moved = at(`${directory}.moved`);

    expect(await holder.acquire(moved.target, options)).toMatchObject({ recovered: false });
  });

  it('removes its ticket there [X57]', async () => {
    const { directory, target, at } = data();
    const [holder, waiter] = await Promise.all([start(), start()]);
    await holder.acquire(target, options);
    await waiter.wait(target, patient);
    renameSync(directory, `${directory}.moved`);
    await waiter.elapse(LIMIT);
    await waiter.run(endOf);
    const moved = at(`${directory}.moved`);
    await holder.release();

    await waiter.couldAcquire(moved.target, { engine: 'portable' });

    expect(ticketsIn(moved.place)).toEqual([]);
    expect(await holder.couldAcquire(moved.target, { engine: 'portable' })).toBe(true);
  });
});

it('a lock that may not be given back any more says so, and that it counts as held [R82, F9]', async () => {
  needsRoot();
  for (const mode of ['exclusive', 'shared'] as const) {
    const { directory, target, place } = data();
    chownSync(directory, 0, 0);
    chownSync(target.file, 0, 0);
    const [holder, next] = await Promise.all([start(), start()]);
    await holder.acquire(target, { ...options, mode });

    const warning = await holder.run(({ locks }, user) => {
      process.setgroups?.([]);
      process.setgid?.(user);
      process.setuid?.(user);
      const told = new Promise<{ code: string; text: string }>((resolve) => {
        process.once('warning', (given) =>
          resolve({ code: (given as { code?: string }).code ?? '', text: given.message }),
        );
      });
      return Promise.resolve(locks.lock?.release()).then(() => told);
    }, NOBODY);

    expect(warning.code).toBe('HOLDFAST_NOT_REMOVED');
    expect(warning.text).toContain(mode === 'shared' ? place.readers : place.lock);
    expect(await next.couldAcquire(target, { engine: 'portable' })).toBe(false);
  }
});

it('a worker that exits while it waits for a portable lock leaves neither ticket nor note [H24, X57]', async () => {
  const { home, locks } = newPlace({ engine: 'portable' });
  const lock = await locks.acquire('mirror');
  const thread = await Thread.start(home);
  await thread.tell('wait', 'mirror', patient);

  await thread.exit();

  expect(ticketsIn(new Place(locks.pathOf('mirror')))).toEqual([]);
  await lock.release();
  expect(await locks.tryAcquire('mirror')).toBeDefined();
});
