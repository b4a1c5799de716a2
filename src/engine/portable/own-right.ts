import { linkSync } from 'node:fs';
import { systemCode } from '../../errors/base.ts';
import { printable, shown } from '../../errors/describe.ts';
import { isExhaustion } from '../../errors/exhaustion.ts';
import { UnwritableError } from '../../errors/lock-errors.ts';
import { trace } from '../../trace/trace.ts';
import type { Claim } from './claim.ts';
import { isCopy } from './copy.ts';
import { removeQuietly } from './files.ts';
import { giveBack, isAway, isGivenBack, settle } from './give-back.ts';
import type { PortableLock } from './lock.ts';
import { type FoundClaim, look } from './look.ts';
import { clearDeadBreaker, removeAsOwner } from './take-over.ts';

/** Gives a claim of this process back, now or later. Warns where that is up to somebody else, for it counts as held. */
export function giveBackOwn(lock: PortableLock, claim: Claim): void {
  const { path } = claim;
  const error = giveBack(claim.token, () => removeOwn(lock, claim));
  const code = error instanceof UnwritableError ? error.systemCode : systemCode(error);
  if (path === undefined || code === undefined || code === TAKEN || isExhaustion(code)) return;
  const what = `The lock on ${shown(lock.request.resource)} was given back, but its claim ${printable(path)} cannot be removed`;
  const outcome =
    'It counts as held until that succeeds, or until this process ends. Holdfast goes on trying';
  process.emitWarning(`${what}: ${code}. ${outcome}.`, { type: 'HoldfastWarning', code: NOT_REMOVED });
}

/** What linking says where somebody else has the right, for a moment. */
const TAKEN = 'EEXIST';
/** Stable, so that a program can have `node --disable-warning=HOLDFAST_NOT_REMOVED`. */
const NOT_REMOVED = 'HOLDFAST_NOT_REMOVED';

/**
 * Whether a claim that is met is gone, as this process gave it back. One whose directory was away then, and is met under
 * another path, is removed there by the right to it. @throws what `Claim.prepare` throws.
 */
export function clearGivenBack(lock: PortableLock, met: FoundClaim): boolean {
  const { token } = met;
  if (isGivenBack(token)) return true;
  if (!isAway(token) || isCopy(met) || removeAsOwner(lock, met) === 'busy') return false;
  settle(token);
  return true;
}

/**
 * Removes a claim of this process, and never the next one at its path. Its owner needs the right to it as everybody does, for
 * others may get that right while the owner lives: on a person's word, or when a lease is over. As the owner has a claim already,
 * which the disk knows, its right is that claim by another name. Trace (H has claim T at L; B breaks T; N comes next):
 *  1. H links T's file to `break.T`, which fails where B has the right. B then removes L, and H tries again later: when
 *     B is dead, say.
 *  2. H looks at L. Anything but T: T was broken before 1, and what `break.T` leads to may be N's claim; H goes on at 4.
 *  3. H removes L. 4. H removes `break.T`.
 * Why N's claim is never removed: from 1 to 4 nobody but H has the right to T, so L, which carries T at 2, carries it until 3,
 * however long H is stopped in between. H stopped before 1 meets N at 2, if T was broken meanwhile.
 * H dead before 1: T is taken over. H dead at 2 or 3: L carries T, and so does `break.T`: as T's owner is dead, the right is
 * taken from it as from any dead breaker, under `rightTo` of it. At 4: litter, which goes the same way.
 * Where there are no links, the right is a claim of its own, as it is for B.
 * The directory is away from 1 to 3, unmounted or moved: H finds nothing at L, and the directory that T was written in is not
 * there, so T may stand in it. H tries again, and is done when that directory is there without T. H's process meets T
 * elsewhere, where the directory was moved: it takes the right to T there, and removes it; T is nobody's.
 *
 * Claims at a path that is theirs alone need no right: a reader's own path, and a break claim, at whose path a next one comes
 * only when its owner is proved dead.
 *
 * @throws when the system refuses, or B has the right. @throws {AwayError}
 */
export function removeOwn(lock: PortableLock, claim: Claim): void {
  const { path, token, file = '' } = claim;
  if (path === undefined || lock.place.isReadersOwn(path, token)) {
    claim.remove();
    return;
  }
  lock.settings.step('take-right');
  const right = takeRight(lock, { path, token, file });
  if (right === 'not needed') {
    claim.refuseAway();
    return;
  }
  if (right === 'no link') {
    claimRight(lock, path, token);
    return;
  }
  try {
    lock.settings.step('remove-own');
    claim.remove();
  } finally {
    removeQuietly(lock.place.breakPath(token));
  }
}

interface OwnClaim {
  readonly path: string;
  readonly token: string;
  readonly file: string;
}

/** Step 1. @throws when somebody else has the right. */
function takeRight(lock: PortableLock, own: OwnClaim): 'taken' | 'not needed' | 'no link' {
  const right = lock.place.breakPath(own.token);
  try {
    linkSync(own.file, right);
    return 'taken';
  } catch (error) {
    if (standing(right)?.token === own.token) return 'taken'; // its answer was lost, or it was left by an earlier try
    const found = look(own.path);
    if (found.kind === 'unreadable') throw error;
    if (found.kind !== 'claim' || found.token !== own.token) return 'not needed';
    if (look(right).kind === 'nothing') return 'no link';
    trace?.(own.path, `claim ${own.token} is being removed by somebody else`);
    clearDeadBreaker(lock, found);
    throw error;
  }
}

function claimRight(lock: PortableLock, path: string, token: string): void {
  const found = standing(path);
  if (found?.token === token && removeAsOwner(lock, found) === 'busy') throw new Error('busy');
}

function standing(path: string): FoundClaim | undefined {
  const found = look(path);
  return found.kind === 'claim' ? found : undefined;
}
