import { chmodSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AcquireOptions, Target } from 'holdfast';
import { parseName, queueDirectory } from '../../src/engine/kernel/entry.ts';
import { Agent } from '../support/agent.ts';
import { Latch } from '../support/latch.ts';
import { newPlace } from '../support/place.ts';
import { until } from '../support/until.ts';

/** How a process waits: what it does with its turn, and until when its event loop stands still after it has asked. */
export interface Waiting extends AcquireOptions {
  /** Keep the lock until it is told to give it back. Default: give it back at once. */
  readonly keep?: boolean;
  /** Wait on the thread itself. */
  readonly sync?: boolean;
  /** Do nothing at all, not even run timers, until the latch at this path is open. */
  readonly frozenUntil?: string;
}

/** No hint may be missed by those who wait so: their own look at things comes long after the test has failed. */
export const PATIENT = { timeout: 120_000, pollInterval: 60_000 };

/** One lock, the processes that wait for it, and what they write down while they hold it: `+` and `-` their names. */
export class Line {
  readonly #place = newPlace();
  readonly home = this.#place.home;
  readonly locks = this.#place.locks;
  readonly target: Target = 'mirror';
  readonly path = this.locks.pathOf(this.target);
  readonly queue = queueDirectory(this.path);
  readonly #log = join(this.home, 'log');

  constructor() {
    writeFileSync(this.#log, '');
    chmodSync(this.#log, 0o666); // processes of other users write to it as well
  }

  agents<const N extends number>(count: N) {
    return Agent.several(this.home, count);
  }

  /** The tickets of those who wait, in their order. Looking at them touches nothing that anybody watches. */
  get tickets(): string[] {
    const kindOf = (name: string) => parseName(this.queue, name)?.kind ?? '';
    return entries(this.queue).filter((name) => ['exclusive', 'shared'].includes(kindOf(name)));
  }

  /** Those of them that say whose they are. Before that, whoever looks may take one for that of a dead waiter. */
  get signedTickets(): string[] {
    return this.tickets.filter((ticket) => sizeOf(join(this.queue, ticket)) > 0);
  }

  /** Who had a turn so far, in order. */
  get turns(): string[] {
    return this.#lines.filter((line) => line.startsWith('+')).map((line) => line.slice(1));
  }

  /** Whether nobody came in before the one who was in had gone. */
  get isOrderly(): boolean {
    return this.#lines.every((line, at, all) =>
      at % 2 === 0 ? line.startsWith('+') : line === all[at - 1]?.replace('+', '-'),
    );
  }

  get #lines(): string[] {
    return readFileSync(this.#log, 'utf8').split('\n').slice(0, -1);
  }

  /**
   * The agent asks for the lock and waits; resolves when its ticket is there and says whose it is. Before that it need not
   * be locked, and whoever looks may take it for a dead one, which makes its owner take another.
   */
  async join(agent: Agent, name: string, options: Waiting = {}): Promise<void> {
    const before = new Set(this.tickets);
    void this.ask(agent, name, options);
    await until(
      () => this.signedTickets.some((ticket) => !before.has(ticket)),
      `the ticket of ${name} is there`,
    );
  }

  /** The same where no ticket can be left. Resolves when the wait has begun, or the time of a frozen one is over. */
  ask(agent: Agent, name: string, options: Waiting = {}): Promise<void> {
    const asked = agent.run(
      ({ manager, waits, locks, values, fs }, target, log, name, waiting) => {
        const { keep, sync, frozenUntil, ...options } = waiting;
        const abort = new AbortController();
        values[`abort ${name}`] = abort;
        const take = (lock: (typeof locks)[string]) => {
          fs.appendFileSync(log, `+${name}\n`);
          locks[name] = lock;
          if (keep !== true) {
            fs.appendFileSync(log, `-${name}\n`);
            lock.release();
          }
          return lock;
        };
        if (sync === true) {
          waits[name] = Promise.resolve(take(manager.acquireSync(target, options)));
          return;
        }
        const wait = manager.acquire(target, { ...options, signal: abort.signal }).then(take);
        wait.catch(() => {});
        waits[name] = wait;
        if (frozenUntil !== undefined) fs.closeSync(fs.openSync(frozenUntil, 'r'));
      },
      this.target,
      this.#log,
      name,
      options,
    );
    asked.catch(() => {}); // a process that was killed cannot answer
    return asked;
  }

  /** The agent gives back what it kept. */
  leave(agent: Agent, name: string): Promise<void> {
    return agent.run(
      ({ locks, fs }, log, name) => {
        fs.appendFileSync(log, `-${name}\n`);
        return locks[name]?.release();
      },
      this.#log,
      name,
    );
  }

  /** The agent's turn has come; rejects with the error when it never will. */
  turn(agent: Agent, name: string): Promise<void> {
    return agent.run(async ({ waits }, name) => void (await waits[name]), name);
  }

  abort(agent: Agent, name: string): Promise<void> {
    return agent.run(({ values }, name) => (values[`abort ${name}`] as AbortController).abort(), name);
  }

  /** Its path is for `frozenUntil`. */
  thaw(): Latch {
    return new Latch(join(this.home, 'thaw'));
  }

  /** What lies where the lock is. A look at the lock first removes what the dead left. */
  leftBehind(): string[] {
    this.locks.inspect(this.target);
    return entries(this.locks.directory).filter((name) => !name.endsWith('.lock'));
  }
}

/** Wipes the queue as somebody would by hand, while waiters may come back to it. */
export function wipe(queue: string): void {
  for (const name of entries(queue)) rmSync(join(queue, name), { force: true });
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

export function entries(directory: string): string[] {
  try {
    return readdirSync(directory).sort();
  } catch {
    return [];
  }
}
