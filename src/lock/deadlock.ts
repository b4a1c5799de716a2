import type { WaitNote } from '../engine/engine.ts';
import { engine } from '../engine/index.ts';
import { printable } from '../errors/describe.ts';
import { DeadlockError } from '../errors/lock-errors.ts';
import { self } from '../identity/self.ts';
import type { Request } from './request.ts';

/** A wait is examined when it has lasted this many milliseconds, and again and again after that. */
const FIRST_LOOK = 100;
const NEXT_LOOK = 250;
/** A cycle counts when it is still the same after this many milliseconds. */
const CONFIRM = 20;

/** One edge of the wait-for graph: somebody holds one lock and waits for another. */
export interface Edge extends WaitNote {
  /** The lock that is held. */
  readonly heldPath: string;
}

/**
 * The edges that lead from a lock somebody waits for back to a lock of theirs; undefined when there are none. Depth
 * first over `edgesFrom(path)`, the waits of those who hold `path`; every lock is visited once.
 */
export function findCycle(
  start: string,
  own: ReadonlySet<string>,
  edgesFrom: (path: string) => readonly Edge[],
): readonly Edge[] | undefined {
  const visited = new Set<string>();

  function search(path: string): readonly Edge[] | undefined {
    if (visited.has(path)) return undefined;
    visited.add(path);
    for (const edge of edgesFrom(path)) {
      const rest = own.has(edge.path) ? [] : search(edge.path);
      if (rest !== undefined) return [edge, ...rest];
    }
    return undefined;
  }

  return search(start);
}

/**
 * Watches one wait of an owner that holds other locks for a cycle of waits across processes.
 *
 * Each such owner leaves a note beside every lock it holds, saying what it waits for; the kernel's lock on the note is
 * the proof that the wait still lasts. A cycle is found by following the notes, and must be found twice, edge for edge:
 * every edge was there at the first look and at the second, so between the two all of them were there at once, and a
 * cycle of waits that all exist at once never resolves by itself. So there is no false alarm.
 *
 * The youngest wait of the cycle fails, which is the one that closed it; all others go on. Waits whose owner's locks are
 * not known (see `AcquireOptions.holding`) are in no cycle that could be found.
 */
export class DeadlockWatch {
  readonly #request: Request;
  readonly #fail: (error: DeadlockError) => void;
  readonly #note: WaitNote;
  #erase: (() => void)[] | undefined;
  #timer: NodeJS.Timeout;

  constructor(request: Request, fail: (error: DeadlockError) => void) {
    this.#request = request;
    this.#fail = fail;
    const { pid, thread, command } = self();
    this.#note = {
      id: `${pid}-${thread}-${request.id}`,
      since: String(process.hrtime.bigint()),
      path: request.path,
      resource: request.resource,
      who: request.anonymous ? 'a process' : `"${request.purpose ?? command}" (pid ${pid})`,
      holds: request.holding.map(({ resource }) => resource).join(' and '),
    };
    this.#timer = setTimeout(() => this.#look(), FIRST_LOOK);
  }

  stop(): void {
    clearTimeout(this.#timer);
    for (const erase of this.#erase ?? []) erase();
    this.#erase = [];
  }

  #look(): void {
    this.#erase ??= this.#request.holding.map(({ path }) => engine.noteWait(path, this.#note));
    const cycle = this.#cycle();
    this.#timer =
      cycle === undefined
        ? setTimeout(() => this.#look(), NEXT_LOOK)
        : setTimeout(() => this.#confirm(cycle), CONFIRM);
  }

  #confirm(before: readonly Edge[]): void {
    const cycle = this.#cycle();
    const same =
      cycle !== undefined && cycle.map(({ id }) => id).join() === before.map(({ id }) => id).join();
    if (same && cycle.every(({ since }) => BigInt(since) < BigInt(this.#note.since))) {
      this.#fail(new DeadlockError(this.#request, this.#steps(cycle), NEXT_STEP));
    } else {
      this.#timer = setTimeout(() => this.#look(), NEXT_LOOK);
    }
  }

  #cycle(): readonly Edge[] | undefined {
    const own = new Set(this.#request.holding.map(({ path }) => path));
    return findCycle(this.#request.path, own, (path) =>
      engine
        .waitsOf(path)
        .filter(({ id }) => id !== this.#note.id)
        .map((note) => ({ ...note, heldPath: path })),
    );
  }

  #steps(cycle: readonly Edge[]): string[] {
    return [this.#note, ...cycle].map(
      ({ who, holds, resource }) =>
        `${printable(who)} holds ${printable(holds)} and waits for ${printable(resource)}`,
    );
  }
}

const NEXT_STEP =
  'This one is the youngest wait of them and was ended; release what it holds and start over, ' +
  'or take the locks together with acquireAll';
