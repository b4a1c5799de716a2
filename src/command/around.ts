import type { Mode } from '../engine/index.ts';
import { printable } from '../errors/describe.ts';
import { UnsupportedError } from '../errors/lock-errors.ts';
import type { Lock } from '../lock/lock.ts';
import type { LockSet } from '../lock/lock-set.ts';
import type { LockManager } from '../lock/manager.ts';
import { isKeptIn, returnNews } from '../lock/nested.ts';
import { isSharedAgain, nestedIn, outerOf, pathInside } from '../lock/outer.ts';
import type { Target } from '../lock/resource.ts';
import { performance } from '../time/time.ts';
import type { Claim } from './claim.ts';
import { claimAround, heldAround } from './held.ts';

/** A lock that is about to be taken. */
export interface Wish {
  /** What it is called in messages. */
  readonly label: string;
  readonly target: Target;
  readonly mode: Mode;
  readonly permits?: number;
}

/**
 * Takes locks, those that are held around this process nested in what is held there. `acquire` takes them all, or none;
 * it is called again where the outer holder ended meanwhile, and is told how long ago it was first called, in
 * milliseconds.
 *
 * @param hint what to do about a lock that is held around this process in a weaker mode.
 * @throws {UnsupportedError} see `holdAround`.
 */
export async function takeAround<W extends Wish>(
  wishes: readonly W[],
  locks: LockManager,
  hint: string,
  acquire: (wishes: readonly W[], elapsed: number) => Promise<Pick<LockSet, 'locks' | 'release'>>,
): Promise<readonly Lock[]> {
  const began = performance.now();
  for (let elapsed = 0; ; elapsed = performance.now() - began) {
    const holds = wishes.map((wish) => holdAround(wish, locks, hint));
    const placed = wishes.map((wish, at) => {
      const hold = holds[at];
      return hold === undefined ? wish : { ...wish, target: nestedIn(wish.target, hold) };
    });
    const set = await acquire(placed, elapsed);
    if (holds.every((hold) => hold === undefined || isKeptIn(hold, set.locks))) return set.locks;
    for (const lock of set.locks) returnNews(lock);
    await set.release();
  }
}

/**
 * The hold around this process in which a wish is to be granted; undefined where there is none.
 *
 * @throws {UnsupportedError} it is weaker than the wish, so that the wish would wait for ever; or it could not be kept.
 */
export function holdAround(wish: Wish, locks: LockManager, hint: string): Claim | undefined {
  const path = locks.pathOf(wish.target);
  const claim = claimAround(path);
  if (claim === undefined) return undefined;
  const fits = claim.mode === 'exclusive' || (wish.mode === 'shared' && wish.permits === claim.permits);
  if (!fits) {
    const what = `is held ${inWords(claim)} by the holdfast run around this one (pid ${claim.pid})`;
    throw refusal(wish, path, `${what}, so taking it ${inWords(wish)} would wait for ever. ${hint}`);
  }
  if (claim.closed !== true) return claim;
  const why = `its ${claim.permits === undefined ? 'lock file' : "permit's place"} cannot be written`;
  const what = `is held by the holdfast run around this one (pid ${claim.pid}), and a nested one could not keep it`;
  throw refusal(wish, path, `${what}: ${why}. Run the inner command without holdfast, or by itself`);
}

/**
 * The locks that are held around this process, but for those that are about to be taken once more. One in which a wish is
 * nested counts: whoever waits for the resource waits for that one. So does one that is shared once more, which is held
 * also before its turn comes in the set.
 */
export function heldBeside(placed: readonly Wish[], locks: LockManager): ReturnType<typeof heldAround> {
  const taken = new Set(
    placed.flatMap(({ target }) => {
      const hold = outerOf(target);
      if (hold === undefined) return [locks.pathOf(target)];
      return isSharedAgain(hold) ? [] : [pathInside(hold)];
    }),
  );
  return heldAround().filter(({ path }) => !taken.has(path));
}

function refusal({ label }: Wish, path: string, why: string): UnsupportedError {
  return new UnsupportedError({ resource: label, path, cliName: label }, `${printable(label)} ${why}`);
}

function inWords({ mode, permits }: Pick<Wish, 'mode' | 'permits'>): string {
  return permits === undefined ? mode : `as one of ${permits} permit${permits === 1 ? '' : 's'}`;
}
