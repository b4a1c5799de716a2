import { existsSync, readdirSync } from 'node:fs';
import type { EngineName, Lock, LockEvents, LockManager } from 'holdfast';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Entry } from '../../src/engine/kernel/entry.ts';
import { kernelEngine } from '../../src/engine/kernel/kernel.ts';
import { Line } from '../../src/engine/portable/line.ts';
import { PortableLock } from '../../src/engine/portable/lock.ts';
import { portableEngine } from '../../src/engine/portable/portable.ts';
import { settingsOf } from '../../src/engine/portable/settings.ts';
import { requestFor } from '../engine/harness.ts';
import { Agent, type Remote } from '../support/agent.ts';
import { descriptors, watches } from '../support/counting.ts';
import { locksIn } from '../support/place.ts';
import { tempDirectory } from '../support/temp.ts';
import { until } from '../support/until.ts';

type Action = 'abort' | 'throw' | 'release' | 'acquire';
type Ending = 'granted' | 'reason' | 'HOLDFAST_TIMEOUT';

interface Moment {
  readonly event: keyof LockEvents;
  /** How the request ends, whatever the listener does. */
  readonly ending: Ending;
  /** How it ends when the listener aborts it. */
  readonly aborted: Ending;
  /** Who holds the lock when it is asked for, until the listener was told: the very thread that asks, or another process. */
  readonly holder?: 'own' | 'other' | 'dead';
  /** The listener waits for the event that tells this place. */
  readonly position?: number;
  /** Whoever is ahead goes first, and the holder only when the listener was told. */
  readonly staysHeld?: boolean;
  readonly timeout?: number;
  readonly pollInterval?: number;
  readonly holdLimit?: number;
  readonly noWatches?: boolean;
  readonly kernelOnly?: boolean;
}

const OVER = 'HOLDFAST_TIMEOUT';
const MOMENTS: Readonly<Record<string, Moment>> = {
  'its request': { event: 'requested', ending: 'granted', aborted: 'reason', holder: 'own' },
  'its wait': { event: 'waiting', ending: 'granted', aborted: 'reason', holder: 'own' },
  'its coming to the head': {
    ...{ event: 'waiting', ending: 'granted', aborted: 'reason', holder: 'other' },
    position: 1,
  },
  'its coming to the head of a lock that is held': {
    ...{ event: 'waiting', ending: 'granted', aborted: 'reason', holder: 'other' },
    ...{ position: 1, staysHeld: true },
  },
  'a wait without file events': {
    ...{ event: 'degraded', ending: 'granted', aborted: 'reason', holder: 'other' },
    ...{ noWatches: true, kernelOnly: true },
  },
  'its grant': { event: 'granted', ending: 'granted', aborted: 'granted' },
  'the death before it': { event: 'recovered', ending: 'granted', aborted: 'granted', holder: 'dead' },
  'its timeout': { event: 'timed-out', ending: OVER, aborted: OVER, holder: 'own', timeout: 1 },
  'its abort': { event: 'aborted', ending: 'reason', aborted: 'reason', holder: 'own' },
  'its release': { event: 'released', ending: 'granted', aborted: 'granted' },
  'its loss': { event: 'lost', ending: 'granted', aborted: 'granted', holdLimit: 1 },
};
const ACTIONS: readonly Action[] = ['abort', 'throw', 'release', 'acquire'];

const NO_WATCHES = [
  ...['unshare', '--user', '--map-root-user', 'sh', '-c'],
  'echo 0 > /proc/sys/user/max_inotify_watches && exec "$0" "$@"',
];
const ENGINES = { kernel: kernelEngine, portable: portableEngine() };

/** For `Agent.run`: what a wait must not leave behind in its process. */
const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;

/** For `Agent.run`: asks for the lock, with a listener that acts when it is told of one moment. */
const ask = async ({ holdfast, manager, locks, values }: Remote, moment: Moment, action: Action) => {
  const { event, timeout = 120_000, pollInterval = 50, position, holdLimit, holder } = moment;
  const [reason, fault] = [new Error('a listener aborted it'), new Error('a listener is broken')];
  const abort = new AbortController();
  const others: Promise<unknown>[] = [];
  const faults: unknown[] = [];
  const onFault = (error: unknown) => void faults.push(error === fault ? 'its own' : String(error));
  process.on('uncaughtException', onFault);
  const options = { timeout: 120_000, pollInterval };
  const acts = {
    abort: () => abort.abort(reason),
    throw: () => {
      throw fault;
    },
    release: () => [locks.own, locks.asked].forEach((lock) => void lock?.release()),
    acquire: () => {
      for (const name of ['mirror', 'another'])
        others.push(manager.acquire(name, options).then((lock) => lock.release()));
    },
  };
  if (holder === 'own') locks.own = await manager.acquire('mirror');
  const told = new Promise<void>((resolve) => {
    const stop = holdfast.onLockEvent(event, (given) => {
      if (position !== undefined && (given as { position?: number }).position !== position) return;
      stop();
      resolve();
      acts[action]();
    });
  });
  const limit = holdLimit === undefined ? {} : { holdLimit };
  const asked = manager.acquire('mirror', { ...options, ...limit, timeout, signal: abort.signal }).then(
    async (lock) => {
      locks.asked = lock;
      if (event === 'lost') await told;
      await lock.release();
      return 'granted';
    },
    (error) => (error === reason ? 'reason' : error.code),
  );
  if (event === 'aborted') abort.abort(reason);
  values.told = told;
  values.end = async () => {
    await locks.own?.release();
    const ending = await asked;
    await Promise.all(others);
    await new Promise((resolve) => setImmediate(resolve));
    process.off('uncaughtException', onFault);
    for (const name of Object.keys(locks)) delete locks[name];
    return { ending, faults };
  };
};

/** For `Agent.run`. */
const told = ({ values }: Remote) => values.told as Promise<void>;
const end = ({ values }: Remote) => (values.end as () => Promise<{ ending: Ending; faults: string[] }>)();
const everyTrace = async (agent: Agent) => [
  await agent.run(descriptors),
  await agent.run(watches),
  await agent.run(timers),
];

/** A ticket of a waiter that never does anything; the function takes it away. */
function leaveTicket(engine: EngineName, path: string): () => void {
  const request = requestFor(path);
  if (engine === 'kernel') {
    const entry = Entry.leave(request, 'exclusive', {});
    return () => entry?.remove();
  }
  const line = new Line(new PortableLock(request, settingsOf({})));
  line.join();
  return () => line.leave();
}

async function waitOnce(agent: Agent, engine: EngineName, path: string): Promise<void> {
  const grant = ENGINES[engine].tryAcquire(requestFor(path));
  await agent.run(ask, { event: 'waiting', ending: 'granted', aborted: 'reason' }, 'throw');
  await agent.run(told);
  grant?.release();
  await agent.run(end);
}

function waitersIn(locks: LockManager): string[] {
  const queue = `${locks.pathOf('mirror')}.queue`;
  return existsSync(queue) ? readdirSync(queue).filter((name) => /ticket|exclusive|shared/.test(name)) : [];
}

const cells = (engine: EngineName) =>
  Object.entries(MOMENTS)
    .filter(([, { kernelOnly }]) => engine === 'kernel' || kernelOnly !== true)
    .flatMap(([name]) => ACTIONS.map((action) => ({ name, action })));

describe.each(['kernel', 'portable'] as const)(
  'a request whose listener acts, with the %s engine',
  (engine) => {
    it.each(cells(engine))(
      'ends once and leaves nothing when a listener that is told of $name does this: $action [X4, X12]',
      async ({ name, action }) => {
        const moment = MOMENTS[name] as Moment;
        const home = tempDirectory();
        const locks = locksIn(home, { engine });
        const path = locks.pathOf('mirror');
        const agent = await Agent.start(moment.noWatches ? { home, through: NO_WATCHES } : { home });
        await agent.manage({ engine });
        await waitOnce(agent, engine, path); // so that what stays for good is there before
        const before = await everyTrace(agent);
        if (moment.holder === 'dead') {
          const victim = await Agent.start({ home });
          await victim.manage({ engine });
          await victim.acquire('mirror');
          await victim.kill();
        }
        const grant = moment.holder === 'other' ? ENGINES[engine].tryAcquire(requestFor(path)) : undefined;
        onTestFinished(() => grant?.release());
        const leave = moment.position === 1 ? leaveTicket(engine, path) : () => {};

        // A minute between two looks by timer: it must not see that the lock is free before the ticket ahead is gone.
        const patient = engine === 'kernel' && moment.position === 1 ? { pollInterval: 60_000 } : {};
        await agent.run(ask, { ...moment, ...patient }, action);
        if (moment.position === 1) {
          await until(() => waitersIn(locks).length === 2, 'it waits behind another');
          if (engine === 'kernel' && moment.staysHeld !== true) grant?.release(); // only the ticket ahead is watched
          leave();
          if (moment.staysHeld !== true) grant?.release();
        }
        await agent.run(told);
        if (moment.staysHeld === true && action === 'abort') {
          await until(async () => String(await everyTrace(agent)) === String(before), 'its wait is over');
        }
        grant?.release();
        const { ending, faults } = await agent.run(end);

        expect(ending).toBe(action === 'abort' ? moment.aborted : moment.ending);
        expect(faults).toEqual(action === 'throw' ? ['its own'] : []);
        expect(waitersIn(locks)).toEqual([]);
        await until(async () => String(await everyTrace(agent)) === String(before), 'nothing is left of it');
        expect(await agent.run(({ manager }) => manager.query())).toEqual({ held: [], pending: [] });
        const next = ENGINES[engine].tryAcquire(requestFor(path));
        next?.release();
        expect(next).toBeDefined();
      },
    );
  },
);

/** Several requests of one thread, whose order of listeners on one signal is the caller's. */
const abortThatReleases = async ({ manager }: Remote) => {
  const holder = await manager.acquire('mirror');
  const abort = new AbortController();
  abort.signal.addEventListener('abort', () => void holder.release());
  const asked = manager.acquire('mirror', { signal: abort.signal, timeout: 60_000 });
  const behind: Promise<Lock> = manager.acquire('mirror', { timeout: 60_000 });
  abort.abort('too late');
  const outcome = await asked.then(
    () => 'granted',
    (reason) => reason,
  );
  await (await behind).release();
  return outcome;
};

it.each(['kernel', 'portable'] as const)(
  'does not grant what was aborted, where an earlier listener of the signal released the lock, with the %s engine [X12]',
  async (engine) => {
    const home = tempDirectory();
    const agent = await Agent.start({ home });
    await agent.manage({ engine });

    expect(await agent.run(abortThatReleases)).toBe('too late');

    const next = ENGINES[engine].tryAcquire(requestFor(locksIn(home, { engine }).pathOf('mirror')));
    next?.release();
    expect(next).toBeDefined();
  },
);
