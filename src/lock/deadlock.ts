import type { WaitNote } from '../engine/engine.ts';
import { engine } from '../engine/index.ts';
import { holder, printable, shown } from '../errors/describe.ts';
import { DeadlockError } from '../errors/lock-errors.ts';
import { self } from '../identity/self.ts';
import { clearTimeout, hrtime, performance, setTimeout } from '../time/time.ts';
import { trace } from '../trace/trace.ts';
import { cohortOf } from './cohort.ts';
import type { HeldElsewhere, Request } from './request.ts';
import { whereaboutsOf } from './same-lock.ts';
import { isSeenHeld, seen } from './seen.ts';
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
 * the proof that the wait still lasts. A knot is found by following the notes, and every wait and every hold that proves
 * it must be there at a second look.
 *
 * No false alarm (trace):
 *  1. An owner leaves its note while it holds the lock and waits. It takes the note away before it gives the lock back.
 *  2. The first look reads all notes of the knot, the last of them at t1. All these holds and waits began before.
 *  3. The second look begins at t2. For each note it first sees its owner among the holders, and then the note again.
 *  4. The note was there after t2, and no wait comes again under its id: the wait lasted from t1 to t2.
 *  5. An owner that runs gave nothing back before its note went, so the hold lasted as well. One that is stopped, or does
 *     not know, may have lost the lock: its lease ended, or the file was replaced. Then others hold it, or nobody, which 3
 *     sees. The owner's thread cannot hold the lock alone again before it knows of the loss, and then the note is gone: so
 *     the order in 3. Where 3 cannot tell, as of anonymous holders, the note is believed.
 *  6. So all of them existed at once, from t1 to t2, and waits and holds that keep each other from ending never do.
 *
 * What is held, and how, and who stands before a reader in the queue, can change while the wait lasts; so a note is left
 * anew at each look where it would say something else.
 *
 * The youngest wait of a cycle fails, which is the one that closed it; all others go on. Waits whose owner's locks are
 * not known (see `AcquireOptions.holding`) are in no cycle that could be found.
 */
class DeadlockSearch {
  readonly #request: Request;
  #note: WaitNote;
  /** The notes that were left, as text, each with the function that removes it. */
  #left = new Map<string, () => void>();
  #found: Knot | undefined;

  constructor(request: Request) {
    const { pid, command } = self();
    const place = whereaboutsOf(request.path);
    this.#request = request;
    this.#note = {
      id: idOf(request.id),
      since: String(hrtime()),
      path: request.path,
      ...(place === undefined ? {} : { place }),
      resource: request.resource,
      who: request.anonymous ? 'a process' : `"${request.purpose ?? command}" (pid ${pid})`,
      holds: '',
      ...(request.permits === undefined ? {} : { permits: request.permits }),
      ...(request.mode === 'exclusive' ? {} : { mode: request.mode }),
    };
  }

  /** One look: the error by which the wait is to end, or the milliseconds until the next. */
  look(): DeadlockError | number {
    const own = this.#ownEdges();
    this.#leaveNotes(own);
    const before = this.#found;
    this.#found = before === undefined ? findKnot(this.#note, own, this.#edgesFrom) : undefined;
    trace?.(
      this.#request.path,
      `request ${this.#request.id} looks for a deadlock: ${this.#found === undefined && before === undefined ? 'none' : 'found'}`,
    );
    if (before === undefined) return this.#found === undefined ? NEXT_LOOK : CONFIRM;
    const stands = this.#isYoungestOf(before.cycle) && this.#stillStands(before);
    return stands && findKnot(this.#note, own.filter(isSeenHeld), this.#edgesFrom) !== undefined
      ? this.#error(before)
      : NEXT_LOOK;
  }

  stop(): void {
    for (const erase of this.#left.values()) erase();
    this.#left.clear();
  }

  /** One for each lock that is held now. */
  #ownEdges(): Edge[] {
    const held = this.#request.holding.filter(isStillHeld);
    const { behind: _, ...note } = this.#note;
    const behind = this.#request.permits === undefined ? writerBefore(this.#request) : undefined;
    const holds = [...new Set(held.map(({ resource }) => resource))].join(' and ');
    this.#note = { ...note, holds, ...(behind === undefined ? {} : { behind }) };
    return held.map((each) => this.#edgeFrom(each));
  }

  #edgeFrom({ path, id, mode }: HeldElsewhere): Edge {
    const { pid, thread, pidNamespace, boot } = self();
    const hold = id === undefined ? {} : { hold: idOf(id), holder: { pid, thread, pidNamespace, boot } };
    const alone = (mode ?? seen(path).state) === 'exclusive';
    return { ...this.#note, ...hold, alone, heldPath: path };
  }

  readonly #edgesFrom = (path: string): Edge[] =>
    engine.waitsOf(path).flatMap((note) => {
      const here = this.#pathHere(note);
      return here === undefined ? [] : [{ ...note, path: here, heldPath: path }];
    });

  /**
   * The path by which a wait is followed from here: that of a lock of this owner, or the waiter's own. Undefined where that
   * leads to another lock, as from a container into which another directory is mounted, or to none.
   */
  #pathHere({ path, place }: WaitNote): string | undefined {
    if (place === undefined) return path;
    const own = this.#request.holding.find((held) => whereaboutsOf(held.path) === place);
    return own?.path ?? (whereaboutsOf(path) === place ? path : undefined);
  }

  #leaveNotes(own: readonly Edge[]): void {
    const before = this.#left;
    this.#left = new Map();
    const holdOf = ({ heldPath, hold }: Edge) =>
      this.#request.holding.find(
        ({ path, id }) => path === heldPath && hold === (id === undefined ? undefined : idOf(id)),
      );
    for (const edge of own) {
      const text = JSON.stringify(edge);
      this.#left.set(text, before.get(text) ?? leaveNote(edge, holdOf(edge)));
      before.delete(text);
    }
    for (const erase of before.values()) erase();
  }

  #isYoungestOf(cycle: readonly Edge[]): boolean {
    return cycle.every(({ since }) => BigInt(since) < BigInt(this.#note.since));
  }

  /** A wait that ended never comes again under its id with the same beginning. The order is that of the trace, 3. */
  #stillStands({ proof }: Knot): boolean {
    const others = proof.filter(({ id }) => id !== this.#note.id);
    if (!others.every(isSeenHeld)) return false;
    return others.every(({ heldPath, id, since, behind }) =>
      engine
        .waitsOf(heldPath)
        .some((note) => note.id === id && note.since === since && note.behind === behind),
    );
  }

  #error({ cycle }: Knot): DeadlockError {
    const steps = [this.#note, ...cycle].map(
      ({ who, holds, resource, behind }) =>
        `${printable(who)} holds ${shown(holds)} and waits for ${shown(resource)}${behind === undefined ? '' : ` behind ${behind}, which waits for all who share it`}`,
    );
    return new DeadlockError(this.#request, steps, NEXT_STEP);
  }
}

/** Leaves a note that goes before its lock is given back, however that comes; returns the function that removes it. */
function leaveNote({ heldPath, ...note }: Edge, held: HeldElsewhere | undefined): () => void {
  const erase = engine.noteWait(heldPath, note, held?.request);
  const stop = held?.beforeEnd?.(erase);
  return () => {
    stop?.();
    erase();
  };
}

/** Whoever is of this thread tells so itself. */
export function isStillHeld({ isHeld }: HeldElsewhere): boolean {
  return isHeld !== false;
}

/** The last writer that stands before a reader in the queue of its thread, or of all processes, in words. */
function writerBefore(request: Request): string | undefined {
  if (request.mode === 'exclusive') return undefined;
  const { queue } = cohortOf(request.path);
  const place = queue.findIndex(({ request: { id } }) => id === request.id); // none for a wait that blocks the thread
  const before = queue.slice(0, Math.max(0, place));
  const own = before.findLast(({ mode }) => mode === 'exclusive')?.request;
  if (own !== undefined)
    return holder({ ...self(), ...(own.purpose === undefined ? {} : { purpose: own.purpose }) });
  const { pid, thread, pidNamespace } = self();
  const { waiters } = seen(request.path);
  const at = waiters.findIndex(
    ({ record }) => record.pid === pid && record.thread === thread && record.pidNamespace === pidNamespace,
  );
  const other = waiters.slice(0, Math.max(0, at)).findLast(({ mode }) => mode === 'exclusive');
  return other === undefined ? undefined : holder(other.record);
}

/** Process ids are unique within their namespace: the first process of many a container is 1. */
function idOf(request: number): string {
  const { pidNamespace = '', pid, thread } = self();
  return [pidNamespace, pid, thread, request].join('-');
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
