import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type EntryKind, entryKinds, entryName } from '../../src/engine/kernel/entry.ts';
import { Agent } from '../support/agent.ts';
import { Child } from '../support/child.ts';
import { makeFifo } from '../support/tool.ts';
import { until } from '../support/until.ts';
import { entries, Line } from './line.ts';

const WAIT = { timeout: 120_000 };

/** A name as of an entry that is older than all others. */
const oldest = (kind: EntryKind, n: number) => entryName(kind, BigInt(n), n.toString(16).padStart(16, '0'));

/** Two writers, two readers and a synchronous one wait, and all get the lock; then a newcomer does. */
async function expectService(line: Line, agents?: readonly Agent[]): Promise<void> {
  const [a, b, c, d, e] = agents ?? (await line.agents(5));
  if (a === undefined || b === undefined || c === undefined || d === undefined || e === undefined)
    throw Error();
  const held = await line.locks.acquire('mirror', { timeout: 0 });
  const asked = [line.ask(a, 'a', WAIT), line.ask(b, 'b', { ...WAIT, mode: 'shared' })];
  asked.push(line.ask(c, 'c', WAIT), line.ask(d, 'd', { ...WAIT, mode: 'shared' }));
  await Promise.all(asked);
  const last = line.ask(e, 'e', { ...WAIT, sync: true });
  expect(line.locks.inspect('mirror').state).toBe('exclusive');
  await held.release();
  await last;
  await Promise.all([a, b, c, d].map((agent, at) => line.turn(agent, 'abcd'[at] as string)));
  expect([...line.turns].sort()).toEqual(['a', 'b', 'c', 'd', 'e']);
  await until(() => line.locks.inspect('mirror').waiters.length === 0, 'nobody waits');
  await (await line.locks.acquire('mirror', { timeout: 0 })).release();
}

/** The lock exists, so that its queue can be prepared. */
async function made(): Promise<Line> {
  const line = new Line();
  await (await line.locks.acquire('mirror')).release();
  return line;
}

describe('all who wait get the lock, and what is not theirs stays as it is, where the queue', () => {
  it('is a file [H18]', async () => {
    const line = await made();
    writeFileSync(line.queue, 'precious');

    await expectService(line);

    expect(readFileSync(line.queue, 'utf8')).toBe('precious');
  });

  it('is a FIFO [H18]', async () => {
    const line = await made();
    makeFifo(line.queue);

    await expectService(line);

    expect(lstatSync(line.queue).isFIFO()).toBe(true);
  });

  it.each(['another directory', 'nothing'])('is a symbolic link to %s [H18]', async (target) => {
    const line = await made();
    const elsewhere = join(line.home, 'elsewhere');
    const files = [oldest('exclusive', 1), oldest('waits', 2), 'precious'];
    if (target !== 'nothing') {
      mkdirSync(elsewhere);
      for (const name of files) writeFileSync(join(elsewhere, name), '');
    }
    symlinkSync(elsewhere, line.queue);

    await expectService(line);

    expect(readlinkSync(line.queue)).toBe(elsewhere);
    expect(entries(elsewhere)).toEqual(target === 'nothing' ? [] : files);
  });

  it('holds files with names of their own [H18]', async () => {
    const line = await made();
    mkdirSync(line.queue);
    const names = [
      'precious',
      `${oldest('exclusive', 1)}.bak`,
      oldest('held', 2).replace('held', 'writer'),
      '-'.repeat(200),
      'ü',
    ];
    for (const name of names) writeFileSync(join(line.queue, name), name);

    await expectService(line);

    expect(readdirSync(line.queue).sort()).toEqual([...names].sort());
    for (const name of names) expect(readFileSync(join(line.queue, name), 'utf8')).toBe(name);
  });

  it('holds FIFOs, links and directories that are named like tickets [H18]', async () => {
    const line = await made();
    mkdirSync(line.queue);
    const victim = join(line.home, 'victim');
    writeFileSync(victim, 'precious');
    const names: string[] = [];
    for (const [at, kind] of entryKinds.entries()) {
      const [fifo, link, directory] = [
        oldest(kind, 3 * at),
        oldest(kind, 3 * at + 1),
        oldest(kind, 3 * at + 2),
      ];
      makeFifo(join(line.queue, fifo));
      symlinkSync(victim, join(line.queue, link));
      mkdirSync(join(line.queue, directory));
      writeFileSync(join(line.queue, directory, 'precious'), '');
      names.push(fifo, link, directory);
    }

    await expectService(line);

    expect(readdirSync(line.queue).sort()).toEqual(names.sort());
    expect(readFileSync(victim, 'utf8')).toBe('precious');
  });

  it('holds thousands of tickets of the dead, which are removed [R46]', async () => {
    const line = await made();
    mkdirSync(line.queue);
    for (let n = 0; n < 2_000; n++)
      writeFileSync(join(line.queue, oldest(entryKinds[n % 5] as EntryKind, n)), '');

    await expectService(line);

    expect(line.leftBehind()).toEqual([]);
  });

  it.each(['exclusive', 'shared', 'upgrade'] as const)(
    'holds an old ticket (%s) that somebody keeps locked for ever [R81]',
    async (kind) => {
      const line = await made();
      mkdirSync(line.queue);
      const ticket = join(line.queue, oldest(kind, 1));
      const keeper = new Child('flock', ['--no-fork', ticket, 'sh', '-c', 'echo kept; cat']);
      await keeper.line('kept');
      const agents = await line.agents(5);
      const held = await line.locks.acquire('mirror', { timeout: 0 });
      for (const [at, agent] of agents.entries()) {
        await line.join(agent, String(at), {
          ...WAIT,
          sync: at === 4,
          mode: at % 2 === 0 ? 'exclusive' : 'shared',
        });
      }

      await held.release();
      await Promise.all(agents.map((agent, at) => line.turn(agent, String(at))));

      expect([...line.turns].sort()).toEqual(['0', '1', '2', '3', '4']);
      expect(entries(line.queue)).toEqual([oldest(kind, 1)]);
      await keeper.finish();
      expect(line.leftBehind()).toEqual([]);
    },
  );

  it('cannot be read nor written by those who wait [H17]', async () => {
    const line = new Line();
    const nobody = { home: line.home, through: ['setpriv', '--reuid=65534', '--clear-groups'] };
    mkdirSync(line.locks.directory);
    chownSync(line.locks.directory, 65534, 0);
    const agents = await Promise.all(Array.from({ length: 5 }, () => Agent.start(nobody)));
    await agents[0]?.acquire('mirror');
    await agents[0]?.release();
    mkdirSync(line.queue);
    writeFileSync(join(line.queue, oldest('exclusive', 1)), '');
    writeFileSync(join(line.queue, 'precious'), '');
    chmodSync(line.queue, 0o700);
    // Locked from here by its file, as any program could, so that the queue is looked at by the others only.
    const holder = new Child('flock', ['--no-fork', line.path, 'sh', '-c', 'echo held; cat']);
    await holder.line('held');

    await Promise.all(agents.map((agent, at) => line.ask(agent, String(at), WAIT)));
    await holder.finish();
    await Promise.all(agents.map((agent, at) => line.turn(agent, String(at))));

    expect([...line.turns].sort()).toEqual(['0', '1', '2', '3', '4']);
    expect(entries(line.queue)).toEqual([oldest('exclusive', 1), 'precious']);
  });
});
