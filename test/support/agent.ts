import type fs from 'node:fs';
import type timers from 'node:timers/promises';
import type threads from 'node:worker_threads';
import type * as holdfast from 'holdfast';
import type { AcquireOptions, Lock, LockManager, ManagerOptions, Target } from 'holdfast';
import type * as cache from 'holdfast/cache';
import type { once } from 'holdfast/once';
import { onTestFinished } from 'vitest';
import { processFacts } from '../../src/identity/index.ts';
import { Child, type ChildOptions, fixture } from './child.ts';
import { within } from './deadline.ts';
import type { advanceClock, passTime } from './time.mjs';
import { LONG } from './turns.ts';

/** What a function that is sent to an agent finds there. It sees nothing else of the test: its text is what is sent. */
export interface Remote {
  readonly holdfast: typeof holdfast;
  readonly once: typeof once;
  readonly cache: typeof cache;
  readonly fs: typeof fs;
  readonly timers: typeof timers;
  readonly threads: typeof threads;
  /** As the process was started with. */
  readonly env: NodeJS.ProcessEnv;
  readonly passTime: typeof passTime;
  readonly advanceClock: typeof advanceClock;
  manager: LockManager;
  readonly locks: Record<string, Lock>;
  readonly waits: Record<string, Promise<Lock>>;
  readonly values: Record<string, unknown>;
  /** Sends news to the test, for `Agent.heard`. */
  readonly tell: (news: string) => void;
}

export interface AgentOptions extends Pick<ChildOptions, 'env' | 'cwd'> {
  /** HOLDFAST_HOME of the process: where its locks on names live, in `locks`. */
  readonly home: string;
  /** A program with its arguments that runs the process, such as `['setpriv', '--reuid=65534']`. */
  readonly through?: readonly string[];
  /** Options of Node.js. */
  readonly node?: readonly string[];
  readonly manager?: ManagerOptions;
  /** The file to run instead of the usual one: a copy of it that finds other packages. */
  readonly program?: string;
  /** The file of another runtime than that of the tests. */
  readonly runtime?: string;
}

/** A lock as another process sees the one it was granted. */
export interface Granted {
  readonly path: string;
  readonly recovered: boolean;
  readonly degraded: readonly string[];
}

interface Message {
  readonly hello?: number;
  readonly namespace?: string;
  readonly news?: string;
  readonly id?: number;
  readonly value?: unknown;
  readonly error?: { readonly message: string };
}

type Several<N extends number, A extends Agent[] = []> = A['length'] extends N
  ? A
  : Several<N, [...A, Agent]>;

/** Another process that the test tells what to do. Its errors arrive as they were thrown, fields included. */
export class Agent {
  /** Agents of this test file that finished tests left in good order, for the next ones: starting one takes long. */
  static readonly #idle: Agent[] = [];
  readonly child: Child;
  /** The process itself, also when it was started through another program, unless that hides it in a pid namespace. */
  readonly pid: number;
  readonly #answers = new Map<number, (message: Message) => void>();
  #calls = 0;

  private constructor(child: Child, pid: number) {
    this.child = child;
    this.pid = pid;
    child.onLine((line) => {
      const message = parsed(line);
      if (message.id !== undefined) this.#answers.get(message.id)?.(message);
    });
  }

  /** A process of this test's own, or, with `home` as its only option, one that an earlier test is done with. */
  static async start(options: AgentOptions): Promise<Agent> {
    const ordinary = Object.keys(options).join() === 'home';
    const idle = ordinary ? Agent.#idle.pop() : undefined;
    const agent = idle ?? (await Agent.#spawn(options, ordinary));
    onTestFinished(() => agent.#retire(ordinary));
    if (idle !== undefined) await agent.run(moveIn, options.home);
    if (options.manager !== undefined) await agent.manage(options.manager);
    return agent;
  }

  /** As many ordinary agents as there are names for them. */
  static async several<const N extends number>(home: string, count: N): Promise<Several<N>> {
    return (await Promise.all(Array.from({ length: count }, () => Agent.start({ home })))) as Several<N>;
  }

  static async #spawn(options: AgentOptions, reusable: boolean): Promise<Agent> {
    const command = [
      ...(options.through ?? []),
      options.runtime ?? process.execPath,
      ...(options.node ?? []),
      options.program ?? fixture('hold-agent.mjs'),
    ];
    const { home, env, cwd } = options;
    const child = new Child(command[0] as string, command.slice(1), {
      env: { HOLDFAST_HOME: home, ...env },
      ...(cwd !== undefined && { cwd }),
      lifetime: reusable ? 'own' : 'test',
    });
    const { hello, namespace } = parsed(await child.line('{"hello"'));
    // In a pid namespace of its own, its id means another process here: its starter, which ends with it, is signalled.
    return new Agent(child, namespace === processFacts.pidNamespace() ? (hello as number) : child.pid);
  }

  /** Puts the process back for the next test if it is in good order, and ends it if it is not. */
  async #retire(reusable: boolean): Promise<void> {
    const clean = reusable && this.child.isRunning && (await this.run(moveOut).catch(() => false));
    if (clean === true) {
      this.child.forget();
      Agent.#idle.push(this);
    } else {
      this.signal('SIGKILL');
      await this.child.end();
    }
  }

  /** Runs a function there. Its text is sent, so it must use nothing but its parameters. */
  run<A extends readonly unknown[], R>(
    body: (remote: Remote, ...args: A) => R | PromiseLike<R>,
    ...args: A
  ): Promise<R> {
    const id = ++this.#calls;
    const answer = new Promise<R>((resolve, reject) => {
      this.#answers.set(id, ({ value, error }) => {
        this.#answers.delete(id);
        if (error === undefined) resolve(value as R);
        else reject(Object.assign(new Error(error.message), error));
      });
      void this.child.ended.then(({ code, signal, stderr }) => {
        reject(new Error(`The process ended (${signal ?? code}) before it answered. ${stderr}`));
      });
    });
    this.child.say(JSON.stringify({ id, body: String(body), args }));
    return within(answer, `waiting for an answer to ${String(body).slice(0, 200)}`);
  }

  /** Resolves when the process tells these news, or has told them. */
  heard(news: string): Promise<string> {
    return this.child.line(JSON.stringify({ news }));
  }

  /** Gives the process a new manager with these options. */
  manage(options: ManagerOptions): Promise<void> {
    return this.run((remote, given) => {
      remote.manager = new remote.holdfast.LockManager(given);
    }, options);
  }

  /** Acquires there and keeps the lock under a name of its own, to be released or used later. */
  acquire(target: Target, options: AcquireOptions = {}, as = 'lock'): Promise<Granted> {
    return this.run(
      async ({ manager, locks }, target, options, as) => {
        const lock = await manager.acquire(target, options);
        locks[as] = lock;
        const degraded = lock.degraded.map(({ reason }) => reason);
        return { path: lock.path, recovered: lock.recovered, degraded };
      },
      target,
      options,
      as,
    );
  }

  /** Starts to wait there for a lock that is held; resolves when its wait has started. */
  async wait(target: Target, options: AcquireOptions = {}, as = 'lock'): Promise<void> {
    await this.run(
      ({ holdfast, manager, locks, waits }, target, options, as) =>
        new Promise<void>((resolve, reject) => {
          const stop = holdfast.onLockEvent('waiting', () => {
            stop();
            resolve();
          });
          const wait = manager.acquire(target, options);
          waits[as] = wait;
          wait.then((lock) => {
            locks[as] = lock;
            reject(new Error('The lock was free.'));
          }, reject);
        }),
      target,
      options,
      as,
    );
  }

  /** The outcome of an earlier `wait`. */
  granted(as = 'lock'): Promise<Granted> {
    return this.run(async ({ waits }, as) => {
      const lock = (await waits[as]) as Lock;
      return {
        path: lock.path,
        recovered: lock.recovered,
        degraded: lock.degraded.map(({ reason }) => reason),
      };
    }, as);
  }

  /** Whether the lock can be taken there now; gives it back at once. */
  couldAcquire(target: Target, options: Omit<AcquireOptions, 'timeout'> = {}): Promise<boolean> {
    return this.run(
      async ({ manager }, target, options) => {
        const lock = await manager.tryAcquire(target, options);
        await lock?.release();
        return lock !== undefined;
      },
      target,
      options,
    );
  }

  /** Whether a wait there stays open although a long time passes for all that waits there by timer. */
  stillWaits(as = 'lock', ms = LONG): Promise<boolean> {
    return this.run(
      async ({ waits, passTime }, as, ms) => {
        let open = true;
        const close = () => {
          open = false;
        };
        waits[as]?.then(close, close);
        await passTime(ms);
        return open;
      },
      as,
      ms,
    );
  }

  /** Lets so much time pass there, by its timers and by its monotonic clock. */
  elapse(ms: number): Promise<void> {
    return this.run(({ advanceClock, passTime }, ms) => {
      advanceClock(ms);
      return passTime(ms);
    }, ms);
  }

  release(as = 'lock'): Promise<void> {
    return this.run(({ locks }, as) => (locks[as] as Lock).release(), as);
  }

  /** Sends a signal to the process itself; nothing when it is gone. */
  signal(signal: NodeJS.Signals): void {
    try {
      process.kill(this.pid, signal);
    } catch {
      // Gone already.
    }
  }

  /** Kills the process itself and waits until it is gone. */
  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.child.exits();
  }
}

const moveIn = (remote: Remote, home: string) => {
  for (const name of Object.keys(process.env)) if (!(name in remote.env)) delete process.env[name];
  Object.assign(process.env, remote.env, { HOLDFAST_HOME: home });
  process.umask(0o022);
  remote.manager = new remote.holdfast.LockManager();
};

/** Gives everything back; false when something is under way that would disturb the next test. */
const moveOut = async ({ manager, locks, waits, values }: Remote) => {
  const { pending } = manager.query();
  for (const lock of Object.values(locks)) await lock.release();
  for (const kept of [locks, waits, values]) for (const name of Object.keys(kept)) delete kept[name];
  return pending.length === 0;
};

function parsed(line: string): Message {
  return line.startsWith('{') ? (JSON.parse(line) as Message) : {};
}
