import { pathToFileURL } from 'node:url';
import type { Engine, Grant, Inspection, LockRequest, Waiting } from '../../src/engine/engine.ts';
import type { HolderRecord } from '../../src/identity/holder.ts';
import { Agent } from '../support/agent.ts';
import { fixture } from '../support/child.ts';

/** Where another process finds an engine: a module that Node.js can load, and the name of its export. */
export interface EngineSource {
  readonly module: URL;
  readonly name: string;
}

/** What crosses the border between processes of a grant. */
export interface SeenGrant {
  readonly token: number | undefined;
  readonly recovered: HolderRecord | undefined;
  readonly degraded: readonly string[];
}

/** What the preload puts into the other process. */
interface Elsewhere {
  readonly engine: Engine;
  readonly grants: Record<string, Grant>;
  readonly waits: Record<string, { readonly outcome: Promise<Grant>; readonly waiting: Waiting }>;
}

/** Another process that contends through the engine itself, without the layers above it. */
export class Peer {
  readonly #agent: Agent;

  private constructor(agent: Agent) {
    this.#agent = agent;
  }

  static async start({ module, name }: EngineSource, home: string): Promise<Peer> {
    const preload = pathToFileURL(fixture('engine-preload.mjs'));
    preload.searchParams.set('module', module.href);
    preload.searchParams.set('name', name);
    return new Peer(await Agent.start({ home, node: ['--import', preload.href] }));
  }

  get pid(): number {
    return this.#agent.pid;
  }

  kill(): Promise<void> {
    return this.#agent.kill();
  }

  signal(signal: NodeJS.Signals): void {
    this.#agent.signal(signal);
  }

  /** One attempt; keeps the grant. Undefined when somebody else holds the lock. */
  tryAcquire(request: LockRequest, as = 'grant'): Promise<SeenGrant | undefined> {
    return this.#agent.run(
      async (_, request, as) => {
        const { engine, grants } = globalThis as unknown as Elsewhere;
        const grant = await engine.tryAcquire(request);
        if (grant === undefined) return undefined;
        grants[as] = grant;
        const degraded = grant.degraded.map(({ reason }) => reason);
        return { token: grant.token(), recovered: grant.recovered, degraded };
      },
      request,
      as,
    );
  }

  /** The same for a lock that is expected to be free. */
  async acquire(request: LockRequest, as = 'grant'): Promise<SeenGrant> {
    const grant = await this.tryAcquire(request, as);
    if (grant === undefined) throw new Error(`${request.path} is held by somebody else`);
    return grant;
  }

  /** Starts a wait; resolves once it is under way. */
  async wait(request: LockRequest, as = 'grant'): Promise<void> {
    await this.#agent.run(
      (_, request, as) => {
        const { engine, waits } = globalThis as unknown as Elsewhere;
        let waiting: Waiting | undefined;
        const outcome = new Promise<Grant>((granted, failed) => {
          waiting = engine.wait(request, { granted, failed, moved: () => {}, degraded: () => {} });
        });
        outcome.catch(() => {}); // reported by `granted`
        waits[as] = { outcome, waiting: waiting as Waiting };
      },
      request,
      as,
    );
  }

  /** The outcome of a wait, which is kept. */
  granted(as = 'grant'): Promise<SeenGrant> {
    return this.#agent.run(async (_, as) => {
      const { grants, waits } = globalThis as unknown as Elsewhere;
      const grant = (await waits[as]?.outcome) as Grant;
      grants[as] = grant;
      const degraded = grant.degraded.map(({ reason }) => reason);
      return { token: grant.token(), recovered: grant.recovered, degraded };
    }, as);
  }

  acquireSync(request: LockRequest, timeout: number, as = 'grant'): Promise<SeenGrant | undefined> {
    return this.#agent.run(
      (_, request, timeout, as) => {
        const { engine, grants } = globalThis as unknown as Elsewhere;
        const grant = engine.acquireSync(request, timeout ?? Number.POSITIVE_INFINITY);
        if (grant === undefined) return undefined;
        grants[as] = grant;
        const degraded = grant.degraded.map(({ reason }) => reason);
        return { token: grant.token(), recovered: grant.recovered, degraded };
      },
      request,
      timeout,
      as,
    );
  }

  inspect(path: string): Promise<Inspection> {
    return this.#agent.run((_, path) => (globalThis as unknown as Elsewhere).engine.inspect(path), path);
  }

  release(as = 'grant'): Promise<void> {
    return this.#agent.run((_, as) => (globalThis as unknown as Elsewhere).grants[as]?.release(), as);
  }
}
