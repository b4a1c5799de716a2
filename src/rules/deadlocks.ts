import type { RulesPlace } from '../errors/rules-error.ts';
import type { Rules } from './rules.ts';
import { type Edge, key, type PathOf, waitGraph } from './wait-graph.ts';

/** A cycle of waits that the rules allow. */
export interface PossibleDeadlock {
  readonly place: RulesPlace;
  readonly steps: readonly string[];
}

export interface Deadlocks {
  readonly found: readonly PossibleDeadlock[];
  /** False when the search ended before it had looked at everything. */
  readonly isComplete: boolean;
}

/** All searches together end after so many steps, with what was found by then. */
const MOST_STEPS = 500_000;

/**
 * The cycles in which operations can wait for each other for ever.
 *
 * One operation alone is in none: it takes its locks in one order that is the same for all, the order of their paths.
 * So each cycle has a step in which an operation calls another that waits (`policy: wait`), while the locks around it
 * stay held. Not counted are resources that all use shared, which nobody waits for, locks that are held around the
 * call already, and steps that cannot happen at once because each holds the same lock alone.
 */
export function possibleDeadlocks(rules: Rules, pathOf: PathOf): Deadlocks {
  const search = new Search(waitGraph(rules, pathOf));
  const found = new Map<string, PossibleDeadlock>();
  for (const first of search.edges) {
    if (first.place === undefined) continue;
    const cycle = search.cycleFrom(first);
    if (cycle === undefined) continue;
    const resources = cycle.map(({ from }) => key({ resource: from })).sort();
    const known = resources.join('\0');
    if (!found.has(known)) found.set(known, { place: first.place, steps: cycle.map(inWords) });
  }
  return { found: [...found.values()], isComplete: search.isComplete };
}

class Search {
  readonly edges: readonly Edge[];
  readonly #after = new Map<string, Edge[]>();
  #steps = 0;

  constructor(edges: readonly Edge[]) {
    this.edges = edges;
    for (const edge of edges) {
      const from = key({ resource: edge.from });
      this.#after.set(from, [...(this.#after.get(from) ?? []), edge]);
    }
  }

  get isComplete(): boolean {
    return this.#steps <= MOST_STEPS;
  }

  /** The edges that lead back to where the first begins, and can all be there at once. */
  cycleFrom(first: Edge): readonly Edge[] | undefined {
    return this.#extend([first]);
  }

  #extend(path: readonly [Edge, ...Edge[]]): readonly Edge[] | undefined {
    const to = key({ resource: (path.at(-1) as Edge).to });
    if (to === key({ resource: path[0].from })) {
      // Two of the same kind can be at work at once only when neither holds anything alone.
      return path.length > 1 || path[0].alone.size === 0 ? path : undefined;
    }
    for (const edge of this.#after.get(to) ?? []) {
      if (++this.#steps > MOST_STEPS) return undefined;
      if (path.some((other) => other.from === edge.from || excludeEachOther(other, edge))) continue;
      const cycle = this.#extend([...path, edge]);
      if (cycle !== undefined) return cycle;
    }
    return undefined;
  }
}

function excludeEachOther(a: Edge, b: Edge): boolean {
  return [...a.alone].some((resource) => b.alone.has(resource));
}

function inWords({ chain, from, to }: Edge): string {
  const names = chain.map(({ name }) => name);
  const who = names.length === 1 ? names[0] : `${names[0]} (calling ${names.slice(1).join(', ')})`;
  const what = key({ resource: from }) === key({ resource: to }) ? `another ${to}` : to;
  return `${who} holds ${from} and waits for ${what}`;
}
