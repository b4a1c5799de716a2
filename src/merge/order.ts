import type { Json } from '../json/json.ts';
import { compareValues } from '../json/order.ts';
import { type Order, rank } from './tournament.ts';

/**
 * Merges the orders of two sequences without duplicates. Where the two disagree about a pair, the side counts that moved
 * it; a pair that the base does not have is sorted. Keys of one side follow their nearest predecessor there.
 *
 * Takes linear time when one side moved nothing. What is merged is symmetric: the order of the arguments does not count.
 *
 * @param isKept whether the result has a key; it has none but those of the two sides
 */
export function mergeOrder<Key extends Json>(
  base: readonly Key[],
  ours: readonly Key[],
  theirs: readonly Key[],
  isKept: (key: Key) => boolean,
): Order<Key> {
  const [left, right] = [ours.filter(isKept), theirs.filter(isKept)];
  if (isSameSequence(left, right)) return { keys: left, isCircular: false };
  const [inLeft, inRight] = [new Set(left), new Set(right)];
  const common = rank(
    base,
    left.filter((key) => inRight.has(key)),
    right.filter((key) => inLeft.has(key)),
  );
  const [leftRuns, rightRuns] = [runsOf(left, inRight), runsOf(right, inLeft)];
  const keys: Key[] = [];
  for (const place of [START, ...common.keys] as Place<Key>[]) {
    if (place !== START) keys.push(place);
    const runs = [leftRuns.get(place) ?? [], rightRuns.get(place) ?? []].sort(byFirst);
    for (const run of runs) for (const key of run) keys.push(key);
  }
  return { keys, isCircular: common.isCircular };
}

/** The place before the first key. */
const START: unique symbol = Symbol('start');

type Place<Key> = Key | typeof START;

/** The keys that the other side has not, each behind the nearest one before it that the other has. */
function runsOf<Key>(side: readonly Key[], other: ReadonlySet<Key>): Map<Place<Key>, Key[]> {
  const runs = new Map<Place<Key>, Key[]>();
  let place: Place<Key> = START;
  for (const key of side) {
    if (other.has(key)) {
      place = key;
      continue;
    }
    const run = runs.get(place);
    if (run === undefined) runs.set(place, [key]);
    else run.push(key);
  }
  return runs;
}

function byFirst([a]: readonly Json[], [b]: readonly Json[]): number {
  return a === undefined || b === undefined ? 0 : compareValues(a, b);
}

function isSameSequence<Key>(a: readonly Key[], b: readonly Key[]): boolean {
  return a.length === b.length && a.every((key, at) => key === b[at]);
}
