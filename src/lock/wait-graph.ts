import type { WaitNote } from '../engine/engine.ts';

/** One edge of the wait-for graph: somebody holds one lock and waits for another. */
export interface Edge extends WaitNote {
  /** The lock that is held. */
  readonly heldPath: string;
}

/** Waits that can only end by one of them failing. */
export interface Knot {
  /** From the lock that the searcher waits for back to one of its own. */
  readonly cycle: readonly Edge[];
  /** Waits that, as long as all of them last, keep each other and the searcher from ever being granted. */
  readonly proof: readonly Edge[];
}

/** What is waited for, and how. */
export type Wait = Pick<WaitNote, 'path' | 'permits' | 'mode' | 'behind'>;
type EdgesFrom = (path: string) => readonly Edge[];
type Blockers = (wait: Wait) => readonly Edge[];

/**
 * The knot that a wait is part of; undefined when there is none.
 *
 * A wait for a lock is over when all who are in its way let go, so it never ends once one of them never does. A wait for
 * one of n permits is over when any holder lets go, so it never ends only once all n of them never do: both kinds
 * together are the AND-OR model (Knapp, 1987), where a cycle alone proves nothing. So all waits that are known are first
 * taken to be endless, and those whose condition does not hold are dropped until nothing changes; a cycle of what is left
 * counts. `own`: an edge for each lock that the searcher holds.
 *
 * Modes decide who is in whose way: those who share a lock are not in the way of one who wants to share it, unless it
 * stands behind a writer in the queue, which waits for all of them. Whether that writer would give up some day is its
 * affair: until then nobody of the knot goes on.
 */
export function findKnot(
  wait: Wait & Pick<WaitNote, 'id'>,
  own: readonly Edge[],
  edgesFrom: EdgesFrom,
): Knot | undefined {
  const isOwn = ({ id }: Edge) => id === wait.id;
  const at = endlessWaits(wait.path, (path) => [
    ...own.filter(({ heldPath }) => heldPath === path),
    ...edgesFrom(path).filter((edge) => !isOwn(edge)),
  ]);
  const others: EdgesFrom = (path) => at(path).filter((edge) => !isOwn(edge));
  if (!isEndless(wait, others(wait.path))) return undefined;
  const cycle = findCycle(
    wait,
    (edge) => blockers(edge, at(edge.path)).some(isOwn),
    (each) => blockers(each, others(each.path)),
  );
  if (cycle === undefined) return undefined;
  return { cycle, proof: proofOf([...cycle, ...reasons(wait, others)], at) };
}

/**
 * The edges that lead from a wait to one that is for a lock of the searcher's; undefined when there are none. Depth first
 * over `blockersOf(wait)`, the waits of those who are in its way; every lock is visited once for each way to wait for it.
 */
export function findCycle(
  start: Wait,
  isForOwn: (edge: Edge) => boolean,
  blockersOf: Blockers,
): readonly Edge[] | undefined {
  const visited = new Set<string>();

  function search(wait: Wait): readonly Edge[] | undefined {
    const key = JSON.stringify([wait.path, wait.permits, wait.mode, wait.behind !== undefined]);
    if (visited.has(key)) return undefined;
    visited.add(key);
    for (const edge of blockersOf(wait)) {
      const rest = isForOwn(edge) ? [] : search(edge);
      if (rest !== undefined) return [edge, ...rest];
    }
    return undefined;
  }

  return search(start);
}

/** Those of the holders of a lock who are in the way of a wait for it. */
function blockers({ permits, mode, behind }: Wait, holders: readonly Edge[]): readonly Edge[] {
  const shares = permits === undefined && mode === 'shared' && behind === undefined;
  return shares ? holders.filter(({ alone }) => alone === true) : holders;
}

/** Of all waits that can be reached, those that would never end: the greatest set of them that keep each other waiting. */
function endlessWaits(start: string, edgesFrom: EdgesFrom): EdgesFrom {
  const waits = new Map<string, readonly Edge[]>();
  const reached = [start];
  for (const path of reached) {
    if (waits.has(path)) continue;
    const edges = edgesFrom(path);
    waits.set(path, edges);
    reached.push(...edges.map((edge) => edge.path));
  }
  const at: EdgesFrom = (path) => waits.get(path) ?? [];
  for (let changed = true; changed; ) {
    changed = false;
    for (const [path, edges] of waits) {
      const left = edges.filter((edge) => isEndless(edge, at(edge.path)));
      if (left.length === edges.length) continue;
      waits.set(path, left);
      changed = true;
    }
  }
  return at;
}

/** Whether a wait never ends, given those who hold its lock and never let go. Holds nobody can tell apart count as one. */
function isEndless(wait: Wait, holders: readonly Edge[]): boolean {
  const { permits } = wait;
  if (permits === undefined) return blockers(wait, holders).length > 0;
  if (holders.some(({ alone }) => alone === true)) return true;
  return new Set(holders.map(({ hold }) => hold)).size >= permits;
}

/** Those who keep a wait from ending: one will do, or all are needed. */
function reasons(wait: Wait, at: EdgesFrom): readonly Edge[] {
  const inTheWay = blockers(wait, at(wait.path));
  return wait.permits === undefined ? inTheWay.slice(0, 1) : inTheWay;
}

function proofOf(waits: readonly Edge[], at: EdgesFrom): readonly Edge[] {
  const proof = new Set<Edge>(waits);
  for (const edge of proof) for (const reason of reasons(edge, at)) proof.add(reason);
  return [...proof];
}
