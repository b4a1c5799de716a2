import type { Mode } from '../engine/index.ts';
import type { RulesPlace } from '../errors/rules-error.ts';
import { capturesIn } from './pattern.ts';
import type { Operation, Rules, Use } from './rules.ts';

/** Where the lock of a resource lies; `acquireAll` takes the locks of one operation in the order of these. */
export type PathOf = (operation: Operation, resource: string) => string;

/** Somebody who holds one resource waits for another. */
export interface Edge {
  readonly from: string;
  readonly to: string;
  /** The operations at work, the outermost first. */
  readonly chain: readonly Operation[];
  /** What nobody else can hold meanwhile. */
  readonly alone: ReadonlySet<string>;
  /** Where the inner operation is called; undefined within one operation. */
  readonly place: RulesPlace | undefined;
}

/** An operation at work, with what is held around it. */
interface Work {
  readonly chain: readonly [Operation, ...Operation[]];
  readonly around: readonly Held[];
  readonly place: RulesPlace | undefined;
}

interface Held {
  readonly resource: string;
  readonly mode: Mode;
}

/** Calls are followed so many deep. */
const DEEPEST = 6;

/** Every wait that an operation, or one it calls, can be in while it holds something; the like of each once. */
export function waitGraph(rules: Rules, pathOf: PathOf): Edge[] {
  const edges = new Map<string, Edge>();
  const open: Work[] = rules.operations.map((operation) => ({
    chain: [operation],
    around: [],
    place: undefined,
  }));
  for (let work = open.shift(); work !== undefined; work = open.shift()) {
    for (const edge of waitsOf(work, pathOf)) {
      const key = [edge.place === undefined, edge.from, edge.to, ...[...edge.alone].sort()].join('\0');
      if (!edges.has(key)) edges.set(key, edge); // the shortest chains come first
    }
    open.push(...callsOf(work, rules));
  }
  const contended = new Set(rules.operations.flatMap(({ uses }) => uses.filter(isExclusive).map(key)));
  return [...edges.values()].filter(({ to }) => contended.has(key({ resource: to })));
}

function callsOf({ chain, around }: Work, { operations }: Rules): Work[] {
  const operation = chain.at(-1) as Operation;
  if (chain.length >= DEEPEST) return [];
  return operation.calls.flatMap(({ operation: name, place }): Work[] => {
    const called = operations.find((each) => each.name === name);
    if (called === undefined || chain.includes(called)) return [];
    return [{ chain: [...chain, called], around: [...around, ...operation.uses], place }];
  });
}

/** The waits of the innermost operation: for each lock, while it holds those around and those it takes before. */
function waitsOf({ chain, around, place }: Work, pathOf: PathOf): Edge[] {
  const operation = chain.at(-1) as Operation;
  if (operation.settings.policy !== 'wait') return [];
  const held = new Set(around.map(key));
  const alone = new Set(around.filter((each) => isExclusive(each) && !isTemplate(each)).map(key));
  const wanted = operation.uses.filter((use) => isTemplate(use) || !held.has(key(use)));
  return wanted.flatMap((use) => {
    const to = use.resource;
    const before = wanted.filter((other) => other !== use && mayComeBefore(other, use));
    return [
      ...around.map(({ resource: from }) => ({ from, to, chain, alone, place })),
      ...before.map(({ resource: from }) => ({ from, to, chain, alone, place: undefined })),
    ];
  });

  /** The order of names with captures depends on what they stand for. */
  function mayComeBefore(a: Use, b: Use): boolean {
    return isTemplate(a) || isTemplate(b) || pathOf(operation, a.resource) < pathOf(operation, b.resource);
  }
}

/** What a resource is told by: `package-<name>` and `package-<n>` stand for the same things. */
export function key({ resource }: { readonly resource: string }): string {
  return resource.replace(/<[^<>]+>/g, '<>');
}

function isExclusive({ mode }: Held): boolean {
  return mode === 'exclusive';
}

function isTemplate({ resource }: { readonly resource: string }): boolean {
  return capturesIn(resource).length > 0;
}
