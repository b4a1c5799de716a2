import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Edge, findCycle, findKnot } from '../../src/lock/wait-graph.ts';

describe('the search for a circle', () => {
  const RUNS = { numRuns: 10_000 };
  const arrows = fc.array(fc.tuple(fc.nat(11), fc.nat(11)), { maxLength: 30 });
  const graph = (edges: readonly (readonly [number, number])[]): Edge[] =>
    edges.map(([from, to], n) => ({
      ...{ id: `${n}`, since: `${n}`, path: `${to}`, resource: `${to}` },
      ...{ who: `owner ${n}`, holds: `${from}`, heldPath: `${from}` },
    }));
  const search = (edges: readonly Edge[], start: number, own: readonly number[]) =>
    findCycle(
      { path: String(start) },
      ({ path }) => own.map(String).includes(path),
      ({ path }) => edges.filter(({ heldPath }) => heldPath === path),
    );

  it('finds none where everybody takes locks in one order [X57]', () => {
    const ordered = arrows.map((all) => all.filter(([from, to]) => from < to));
    fc.assert(
      fc.property(ordered, fc.nat(10), fc.array(fc.nat(10)), (edges, own, more) => {
        const holds = [own, ...more];
        const start = Math.max(...holds) + 1;
        expect(search(graph(edges), start, holds)).toBe(undefined);
      }),
      RUNS,
    );
  });

  it('finds one where there is one, however much lies around it, and every step of it leads to the next [R81]', () => {
    const circle = fc.uniqueArray(fc.nat(11), { minLength: 2, maxLength: 12 });
    fc.assert(
      fc.property(circle, arrows, fc.nat(), (nodes, others, seed) => {
        const own = nodes[0] as number;
        const closing = nodes
          .slice(1)
          .map((node, at) => [node, nodes[(at + 2) % nodes.length]] as [number, number]);
        const mixed = [...others];
        for (const [n, edge] of closing.entries()) mixed.splice((seed + n * 7) % (mixed.length + 1), 0, edge);
        const start = nodes[1] as number;

        const found = search(graph(mixed), start, [own]) ?? [];

        expect(found.length).toBeGreaterThan(0);
        expect(found[0]?.heldPath).toBe(String(start));
        expect(found.at(-1)?.path).toBe(String(own));
        for (const [at, edge] of found.slice(1).entries()) expect(edge.heldPath).toBe(found[at]?.path);
      }),
      RUNS,
    );
  });

  it('agrees with a plain search for a way, for any graph and any locks of the searcher [R81]', () => {
    fc.assert(
      fc.property(arrows, fc.nat(11), fc.uniqueArray(fc.nat(11), { minLength: 1 }), (edges, start, own) => {
        const reached = new Set([start]);
        const met = new Set<number>();
        for (const from of reached) {
          for (const [a, to] of edges) {
            if (a !== from) continue;
            met.add(to);
            reached.add(to);
          }
        }
        expect(search(graph(edges), start, own) !== undefined).toBe(own.some((node) => met.has(node)));
      }),
      RUNS,
    );
  });
});

describe('the search for a knot of waits, some of them for one of several permits', () => {
  const numbers = { lock: fc.nat(6), permits: fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined }) };
  const wait = fc.record({ from: numbers.lock, to: numbers.lock, permits: numbers.permits });

  /** Lets every wait end that can, in any order; those that are left. */
  function leftOver(waits: readonly Edge[]): readonly Edge[] {
    const inTheWay = ({ path }: Edge) => waits.filter(({ heldPath }) => heldPath === path);
    const next = waits.filter((each) => inTheWay(each).length >= (each.permits ?? 1));
    return next.length === waits.length ? waits : leftOver(next);
  }

  it('finds one exactly where the wait can never end by itself, and leads back to its owner [R81]', () => {
    let knots = 0;
    fc.assert(
      fc.property(fc.array(wait, { minLength: 1, maxLength: 25 }), (waits) => {
        const edges = waits.map(({ from, to, permits }, n): Edge => {
          const names = { resource: `${to}`, who: `owner ${n}`, holds: `${from}`, hold: `${n}` };
          return {
            ...names,
            ...{ id: `${n}`, since: `${n}`, path: `${to}`, heldPath: `${from}` },
            ...(permits && { permits }),
          };
        });
        const [own, ...others] = edges as [Edge, ...Edge[]];
        const stuck = leftOver(edges);
        const way = new Set([own.path]);
        const met = new Set<string>();
        for (const from of way) {
          for (const { id, heldPath, path } of stuck) {
            if (heldPath !== from || id === own.id) continue;
            met.add(path);
            if (path !== own.heldPath) way.add(path);
          }
        }
        // A lock that waits for itself is refused before anybody looks.
        fc.pre(own.path !== own.heldPath);

        const knot = findKnot(own, [own], (path) => others.filter(({ heldPath }) => heldPath === path));

        expect(knot !== undefined).toBe(stuck.includes(own) && met.has(own.heldPath));
        if (knot === undefined) return;
        knots++;
        expect(leftOver([own, ...knot.proof.filter(({ id }) => id !== own.id)])).toContain(own);
      }),
      { numRuns: 5_000 },
    );
    expect(knots).toBeGreaterThan(100);
  });
});

describe('the search for a knot of waits in both modes', () => {
  const wait = fc.record({
    ...{ from: fc.nat(5), to: fc.nat(5), alone: fc.boolean() },
    mode: fc.constantFrom('shared' as const, undefined),
    behind: fc.boolean(),
  });

  const inTheWay = (all: readonly Edge[], { path, mode, behind }: Edge) =>
    all.filter(
      (other) => other.heldPath === path && (mode !== 'shared' || behind !== undefined || other.alone),
    );

  /** Lets every wait end that has nobody in its way, in any order; those that are left. */
  function leftOver(waits: readonly Edge[]): readonly Edge[] {
    const next = waits.filter((each) => inTheWay(waits, each).length > 0);
    return next.length === waits.length ? waits : leftOver(next);
  }

  it('calls every true cycle one, and no other: a reader is in the way of writers, and of who stands behind one [X17]', () => {
    let [knots, excused] = [0, 0];
    fc.assert(
      fc.property(fc.array(wait, { minLength: 1, maxLength: 18 }), (waits) => {
        const edges = waits.map(({ from, to, alone, mode, behind }, n): Edge => {
          const names = { resource: `${to}`, who: `owner ${n}`, holds: `${from}`, hold: `${n}` };
          return {
            ...{ ...names, alone, id: `${n}`, since: `${n}`, path: `${to}`, heldPath: `${from}` },
            ...(mode && { mode, ...(behind && { behind: 'a writer' }) }),
          };
        });
        const [own, ...others] = edges as [Edge, ...Edge[]];
        fc.pre(own.path !== own.heldPath);
        const stuck = leftOver(edges);
        const way = new Set(inTheWay(stuck, own).filter((edge) => edge !== own));
        for (const edge of way) for (const next of inTheWay(stuck, edge)) way.add(next);
        const isTrue = stuck.includes(own) && way.has(own);

        const knot = findKnot(own, [own], (path) => others.filter(({ heldPath }) => heldPath === path));

        expect(knot !== undefined).toBe(isTrue);
        if (knot === undefined) {
          if (findKnot(own, [own], (path) => others.filter(({ heldPath }) => heldPath === path).map(alone)))
            excused++;
          return;
        }
        knots++;
        const steps = [own, ...knot.cycle, own];
        for (const [at, step] of steps.slice(0, -1).entries())
          expect(inTheWay(edges, step)).toContain(steps[at + 1]);
      }),
      { numRuns: 5_000 },
    );
    expect(knots).toBeGreaterThan(100);
    expect(excused).toBeGreaterThan(100);
  });
});

/** The same edge as if its owner held and waited in no mode but exclusive. */
function alone({ mode: _, behind: __, ...edge }: Edge): Edge {
  return { ...edge, alone: true };
}
