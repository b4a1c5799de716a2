import type { Json } from '../json/json.ts';
import { compareValues } from '../json/order.ts';

export interface Order<Key> {
  readonly keys: readonly Key[];
  /** Whether the moves of both sides go round in a circle, so that some keys stand in the order of the base. */
  readonly isCircular: boolean;
}

/** More comparisons than this take seconds; then all keys count as one circle. */
const MOST_PAIRS = 30_000_000;

/** A key by its places: in `ours`, where it is the index, in `theirs`, and in the base, or -1. */
interface Places {
  readonly theirs: Int32Array;
  readonly base: Int32Array;
}

/**
 * The merged order of keys that both sides have. Every pair has a winner, the one that comes first: a key that wins more
 * often comes before the others. Keys that win in a circle (Smith sets of the tournament) keep the order of the base,
 * and new ones among them follow sorted.
 *
 * Keys that no side moved, which are those in a longest rising run of both, are in the order of the base as they are.
 * Only pairs with another key are compared, so the time is the number of keys times the number of moved ones.
 */
export function rank<Key extends Json>(
  base: readonly Key[],
  ours: readonly Key[],
  theirs: readonly Key[],
): Order<Key> {
  const places = { theirs: placesOf(ours, theirs), base: placesOf(ours, base) };
  const byTheirs = theirs.length === 0 ? [] : inverse(places.theirs);
  if (isRising(places.theirs)) return { keys: ours, isCircular: false };
  if (isRising(places.base)) return { keys: theirs, isCircular: false };
  if (isRising(byTheirs.map((at) => places.base[at] as number))) return { keys: ours, isCircular: false };

  const compare = (x: number, y: number) => compareValues(ours[x] as Key, ours[y] as Key);
  const wins = countWins(places, movedIn(places, byTheirs), compare);
  const fallback = (x: number, y: number) => {
    const [a, b] = [places.base[x] as number, places.base[y] as number];
    return a >= 0 && b >= 0 ? a - b : a < 0 && b < 0 ? compare(x, y) : b - a;
  };
  const sorted = ours.map((_, at) => at).sort((x, y) => (wins[y] as number) - (wins[x] as number));
  const { order, isCircular } = withoutCircles(sorted, wins, fallback);
  return { keys: order.map((at) => ours[at] as Key), isCircular };
}

function placesOf<Key>(keys: readonly Key[], sequence: readonly Key[]): Int32Array {
  const places = new Map(sequence.map((key, at) => [key, at]));
  return Int32Array.from(keys, (key) => places.get(key) ?? -1);
}

function inverse(places: Int32Array): number[] {
  const result = new Array<number>(places.length);
  for (const [at, place] of places.entries()) result[place] = at;
  return result;
}

/** Whether all have a place, each a later one than the last. */
function isRising(places: ArrayLike<number>): boolean {
  let last = -1;
  for (let at = 0; at < places.length; at++) {
    const place = places[at] as number;
    if (place <= last) return false;
    last = place;
  }
  return true;
}

/** The keys that a side moved, or the base does not have. */
function movedIn({ base }: Places, byTheirs: readonly number[]): number[] {
  const ours = risingRun(
    base.map((_, at) => at),
    base,
  );
  const theirs = risingRun(Int32Array.from(byTheirs), base);
  return [...base.keys()].filter((at) => !ours.has(at) || !theirs.has(at));
}

/**
 * The longest run of keys, taken in this order, whose places rise: by the last keys of the shortest runs so far
 * (Schensted 1961).
 */
function risingRun(order: Int32Array, places: Int32Array): ReadonlySet<number> {
  const lasts: number[] = [];
  const before = new Int32Array(order.length).fill(-1);
  for (const at of order) {
    const place = places[at] as number;
    if (place < 0) continue;
    let [low, high] = [0, lasts.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((places[lasts[middle] as number] as number) < place) low = middle + 1;
      else high = middle;
    }
    before[at] = low === 0 ? -1 : (lasts[low - 1] as number);
    lasts[low] = at;
  }
  const run = new Set<number>();
  for (let at = lasts.at(-1) ?? -1; at >= 0; at = before[at] as number) run.add(at);
  return run;
}

type Compare = (x: number, y: number) => number;

function countWins({ theirs, base }: Places, moved: readonly number[], compare: Compare): Int32Array {
  const { length } = base;
  const wins = new Int32Array(length);
  if (moved.length * length > MOST_PAIRS) return wins;
  const isMoved = new Uint8Array(length);
  for (const at of moved) isMoved[at] = 1;

  /** The three-way rule for "comes before": where the sides disagree, the one that differs from the base. */
  const isBefore = (x: number, y: number) => {
    const ours = x < y;
    if (ours === (theirs[x] as number) < (theirs[y] as number)) return ours;
    const [a, b] = [base[x] as number, base[y] as number];
    return a >= 0 && b >= 0 ? a > b : compare(x, y) < 0;
  };
  let behind = length - moved.length;
  for (let at = 0; at < length; at++) if (isMoved[at] === 0) wins[at] = --behind;
  for (const x of moved) {
    for (let y = 0; y < length; y++) {
      if (y === x || (isMoved[y] === 1 && y < x)) continue; // each pair once
      const winner = isBefore(x, y) ? x : y;
      wins[winner] = (wins[winner] as number) + 1;
    }
  }
  return wins;
}

/**
 * Sorts each circle by `fallback`. In a sequence sorted by wins, no circle reaches beyond a place where all before it have
 * won against all behind it, which their number of wins tells.
 */
function withoutCircles(
  sorted: readonly number[],
  wins: Int32Array,
  fallback: Compare,
): { readonly order: readonly number[]; readonly isCircular: boolean } {
  const order: number[] = [];
  let isCircular = false;
  let total = 0;
  for (const [index, at] of sorted.entries()) {
    total += wins[at] as number;
    const size = index + 1;
    if (total !== (size * (size - 1)) / 2 + size * (sorted.length - size)) continue;
    const circle = sorted.slice(order.length, size);
    if (circle.length > 1) isCircular = true;
    for (const each of circle.sort(fallback)) order.push(each);
  }
  if (order.length < sorted.length) return { order: [...sorted].sort(fallback), isCircular: true }; // nobody was compared
  return { order, isCircular };
}
