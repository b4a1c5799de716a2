import type { Mode } from '../engine/index.ts';
import type { RulesPlace } from '../errors/rules-error.ts';
import { capturesIn } from './pattern.ts';
import type { Operation, Rules } from './rules.ts';

/** Where the lock of a resource lies; `acquireAll` takes the locks of one operation in the order of these. */
export type PathOf = (operation: Operation, resource: string) => string;

/** Somebody who holds one resource waits for another. */
interface Edge {
  readonly from: string;
  readonly to: string;
  /** The operations at work, the outermost first. */
  readonly chain: readonly Operation[];
  /** What nobody else can hold meanwhile. */
  readonly alone: ReadonlySet<string>;
  /** Where the inner operation is called; undefined within one operation. */
  readonly place: RulesPlace | undefined;
}

/** A cycle of waits that the rules allow. */
export interface PossibleDeadlock {
  readonly place: RulesPlace;
  readonly steps: readonly string[];
}

const MOST_STEPS = 20_000;

/**
 * The cycles in which operations can wait for each other for ever.
 *
 * One operation alone is in none: it takes its locks in one order that is the same for all, the order of their paths.
 * So each cycle has a step in which an operation calls another that waits (`policy: wait`), while the locks around it
 * stay held. Not counted are resources that all use shared, which nobody waits for, locks that are held around the
 * call already, and steps that cannot happen at once because each holds the same lock alone.
 */
export function possibleDeadlocks(rules: Rules, pathOf: PathOf): PossibleDeadlock[] {
  const edges = rules.operations.flatMap((operation) => edgesFrom(rules, [operation], [], undefined, pathOf));
  const contended = new Set(
    rules.operations.flatMap(({ uses }) =>
      uses.filter(({ mode }) => mode === 'exclusive').map(({ resource }) => resource),
    ),
  );
  const relevant = edges.filter(({ to }) => contended.has(to));
  const found = new Map<string, PossibleDeadlock>();
  for (const first of relevant) {
    if (first.place === undefined) continue;
    const cycle = cycleFrom(first, relevant);
    if (cycle === undefined) continue;
    const key = cycle
      .map(({ from }) => from)
      .sort()
      .join('\0');
    if (!found.has(key)) found.set(key, { place: first.place, steps: cycle.map(inWords) });
  }
  return [...found.values()];
}

interface Held {
  readonly resource: string;
  readonly mode: Mode;
}

/** The edges of an operation, and of those it calls, under the locks that are held around it. */
function edgesFrom(
  rules: Rules,
  chain: readonly [Operation, ...Operation[]] | readonly Operation[],
  around: readonly Held[],
  place: RulesPlace | undefined,
  pathOf: PathOf,
): Edge[] {
  const operation = chain.at(-1) as Operation;
  const wanted = operation.uses.filter((use) => isTemplate(use.resource) || !isHeld(use.resource, around));
  const waits = operation.settings.policy === 'wait';
  const alone = new Set(
    around
      .filter(({ mode, resource }) => mode === 'exclusive' && !isTemplate(resource))
      .map(({ resource }) => resource),
  );
  const own = !waits
    ? []
    : wanted.flatMap(({ resource: to }) => {
        const outer = around.map(({ resource: from }) => ({ from, to, chain, alone, place }));
        const before = wanted
          .filter(({ resource }) => resource !== to && mayComeBefore(resource, to))
          .map(({ resource: from }) => ({ from, to, chain, alone, place: undefined }));
        return [...outer, ...before];
      });
  const held = [...around, ...operation.uses];
  const inner = operation.calls.flatMap((call) => {
    const called = rules.operations.find(({ name }) => name === call.operation);
    if (called === undefined || chain.includes(called)) return [];
    return edgesFrom(rules, [...chain, called], held, call.place, pathOf);
  });
  return [...own, ...inner];

  /** The order of names with captures depends on what they stand for. */
  function mayComeBefore(a: string, b: string): boolean {
    return isTemplate(a) || isTemplate(b) || pathOf(operation, a) < pathOf(operation, b);
  }
}

function isHeld(resource: string, around: readonly Held[]): boolean {
  return around.some((held) => held.resource === resource);
}

function isTemplate(resource: string): boolean {
  return capturesIn(resource).length > 0;
}

/** The edges that lead back to where the first begins, and can all be there at once. */
function cycleFrom(first: Edge, edges: readonly Edge[]): readonly Edge[] | undefined {
  let steps = 0;
  function search(path: readonly Edge[]): readonly Edge[] | undefined {
    const last = path.at(-1) as Edge;
    if (last.to === first.from) return path.length > 1 || first.alone.size === 0 ? path : undefined;
    for (const edge of edges) {
      if (++steps > MOST_STEPS) return undefined;
      if (edge.from !== last.to || path.some(({ from }) => from === edge.from)) continue;
      if (path.some((other) => excludeEachOther(other, edge))) continue;
      const cycle = search([...path, edge]);
      if (cycle !== undefined) return cycle;
    }
    return undefined;
  }
  return search([first]);
}

function excludeEachOther(a: Edge, b: Edge): boolean {
  return [...a.alone].some((resource) => b.alone.has(resource));
}

function inWords({ chain, from, to }: Edge): string {
  const names = chain.map(({ name }) => name);
  const who = names.length === 1 ? names[0] : `${names[0]} (calling ${names.slice(1).join(', ')})`;
  return `${who} holds ${from} and waits for ${from === to ? `another ${to}` : to}`;
}
