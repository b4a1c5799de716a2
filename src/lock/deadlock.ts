import type { WaitNote } from '../engine/engine.ts';
import { engine } from '../engine/index.ts';
import { printable } from '../errors/describe.ts';
import { DeadlockError } from '../errors/lock-errors.ts';
import { self } from '../identity/self.ts';
import { trace } from '../trace/trace.ts';
import type { HeldElsewhere, Request } from './request.ts';
import { type Edge, findKnot, type Knot } from './wait-graph.ts';

/** A wait is examined when it has lasted this many milliseconds, and again and again after that. */
const FIRST_LOOK = 100;
const NEXT_LOOK = 250;
/** A knot counts when all of it is still there after this many milliseconds. */
const CONFIRM = 20;

/**
 * Examines one wait of an owner that holds other locks for a knot of waits across processes.
 *
 * Each such owner leaves a note beside every lock it holds, saying what it waits for; the kernel's lock on the note is
 * the proof that the wait still lasts. A knot is found by following the notes, and every wait that proves it must be
 * there at a second look: so between the two all of them were there at once, and waits that all exist at once and keep
 * each other from ending never resolve by themselves. So there is no false alarm.
 *
 * The youngest wait of a cycle fails, which is the one that closed it; all others go on. Waits whose owner's locks are
 * not known (see `AcquireOptions.holding`) are in no cycle that could be found.
 */
class DeadlockSearch {
  readonly #request: Request;
  readonly #note: WaitNote;
  #erase: (() => void)[] | undefined;
  #found: Knot | undefined;

  constructor(request: Request) {
    const { pid, thread, command } = self();
    this.#request = request;
    this.#note = {
      id: `${pid}-${thread}-${request.id}`,
      since: String(process.hrtime.bigint()),
      path: request.path,
      resource: request.resource,
      who: request.anonymous ? 'a process' : `"${request.purpose ?? command}" (pid ${pid})`,
      holds: request.holding.map(({ resource }) => resource).join(' and '),
      ...(request.permits === undefined ? {} : { permits: request.permits }),
    };
  }

  /** One look: the error by which the wait is to end, or the milliseconds until the next. */
  look(): DeadlockError | number {
    const own = this.#request.holding.map((held) => this.#edgeFrom(held));
    this.#erase ??= own.map(({ heldPath, ...note }) => engine.noteWait(heldPath, note));
    const before = this.#found;
    this.#found = before === undefined ? findKnot(this.#note, own, edgesFrom) : undefined;
    trace?.(
      this.#request.path,
      `request ${this.#request.id} looks for a deadlock: ${this.#found === undefined && before === undefined ? 'none' : 'found'}`,
    );
    if (before === undefined) return this.#found === undefined ? NEXT_LOOK : CONFIRM;
    return this.#isYoungestOf(before.cycle) && this.#stillStands(before) ? this.#error(before) : NEXT_LOOK;
  }

  stop(): void {
    for (const erase of this.#erase ?? []) erase();
    this.#erase = [];
  }

  #edgeFrom({ path, id, mode }: HeldElsewhere): Edge {
    const { pid, thread } = self();
    const hold = id === undefined ? {} : { hold: `${pid}-${thread}-${id}` };
    return { ...this.#note, ...hold, alone: mode === 'exclusive', heldPath: path };
  }

  #isYoungestOf(cycle: readonly Edge[]): boolean {
    return cycle.every(({ since }) => BigInt(since) < BigInt(this.#note.since));
  }

  /** A wait that ended never comes again under its id with the same beginning. */
  #stillStands({ proof }: Knot): boolean {
    const others = proof.filter(({ id }) => id !== this.#note.id);
    return others.every(({ heldPath, id, since }) =>
      engine.waitsOf(heldPath).some((note) => note.id === id && note.since === since),
    );
  }

  #error({ cycle }: Knot): DeadlockError {
    const steps = [this.#note, ...cycle].map(
      ({ who, holds, resource }) =>
        `${printable(who)} holds ${printable(holds)} and waits for ${printable(resource)}`,
    );
    return new DeadlockError(this.#request, steps, NEXT_STEP);
  }
}

function edgesFrom(path: string): Edge[] {
  return engine.waitsOf(path).map((note) => ({ ...note, heldPath: path }));
}

const NEXT_STEP =
  'This one is the youngest wait of them and was ended; release what it holds and start over, ' +
  'or take the locks together with acquireAll';

/** Examines a wait of this thread by timers. */
export class DeadlockWatch {
  readonly #search: DeadlockSearch;
  readonly #fail: (error: DeadlockError) => void;
  #timer: NodeJS.Timeout;

  constructor(request: Request, fail: (error: DeadlockError) => void) {
    this.#search = new DeadlockSearch(request);
    this.#fail = fail;
    this.#timer = setTimeout(() => this.#look(), FIRST_LOOK);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#search.stop();
  }

  #look(): void {
    const result = this.#search.look();
    if (typeof result === 'number') this.#timer = setTimeout(() => this.#look(), result);
    else this.#fail(result);
  }
}

/** Examines a wait that blocks this thread, whenever it is polled. */
export class DeadlockPoll {
  readonly #search: DeadlockSearch;
  #due = performance.now() + FIRST_LOOK;

  constructor(request: Request) {
    this.#search = new DeadlockSearch(request);
  }

  /** @throws {DeadlockError} when the wait is to end. */
  poll(): void {
    if (performance.now() < this.#due) return;
    const result = this.#search.look();
    if (typeof result !== 'number') throw result;
    this.#due = performance.now() + result;
  }

  stop(): void {
    this.#search.stop();
  }
}
