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

type Wait = Pick<WaitNote, 'id' | 'path' | 'permits'>;
type EdgesFrom = (path: string) => readonly Edge[];

/**
 * The knot that a wait is part of; undefined when there is none.
 *
 * A wait for a lock is over when all who are in its way let go, so it never ends once one of them never does. A wait for
 * one of n permits is over when any holder lets go, so it never ends only once all n of them never do: both kinds
 * together are the AND-OR model (Knapp, 1987), where a cycle alone proves nothing. So all waits that are known are first
 * taken to be endless, and those whose condition does not hold are dropped until nothing changes; a cycle of what is left
 * counts. `own`: an edge for each lock that the searcher holds.
 */
export function findKnot(wait: Wait, own: readonly Edge[], edgesFrom: EdgesFrom): Knot | undefined {
  const at = endlessWaits(wait.path, (path) => [
    ...own.filter(({ heldPath }) => heldPath === path),
    ...edgesFrom(path).filter(({ id }) => id !== wait.id),
  ]);
  const others: EdgesFrom = (path) => at(path).filter(({ id }) => id !== wait.id);
  if (!isEndless(wait, others(wait.path))) return undefined;
  const cycle = findCycle(wait.path, new Set(own.map(({ heldPath }) => heldPath)), others);
  if (cycle === undefined) return undefined;
  return { cycle, proof: proofOf([...cycle, ...reasons(wait, others)], at) };
}

/**
 * The edges that lead from a lock somebody waits for back to a lock of theirs; undefined when there are none. Depth
 * first over `edgesFrom(path)`, the waits of those who hold `path`; every lock is visited once.
 */
export function findCycle(
  start: string,
  own: ReadonlySet<string>,
  edgesFrom: EdgesFrom,
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
function isEndless({ permits }: Wait, holders: readonly Edge[]): boolean {
  if (permits === undefined) return holders.length > 0;
  if (holders.some(({ alone }) => alone === true)) return true;
  return new Set(holders.map(({ hold }) => hold)).size >= permits;
}

/** Those who keep a wait from ending: one will do, or all are needed. */
function reasons({ path, permits }: Wait, at: EdgesFrom): readonly Edge[] {
  return permits === undefined ? at(path).slice(0, 1) : at(path);
}

function proofOf(waits: readonly Edge[], at: EdgesFrom): readonly Edge[] {
  const proof = new Set<Edge>(waits);
  for (const edge of proof) for (const reason of reasons(edge, at)) proof.add(reason);
  return [...proof];
}
