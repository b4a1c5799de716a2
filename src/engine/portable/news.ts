import { lstatSync } from 'node:fs';
import { systemCode } from '../../errors/base.ts';
import type { HolderRecord } from '../../identity/holder.ts';
import { lstatOrNothing } from '../../storage/fs/stat.ts';
import { CLAIM_SIGNATURE } from '../signature.ts';
import { claimOfLastGrant } from './counter.ts';
import { readText, removeQuietly, writeNew, writeOver, writeWhole } from './files.ts';
import type { PortableLock } from './lock.ts';
import type { FoundClaim } from './look.ts';
import type { Place } from './place.ts';
import { formatRecord, newToken, parseRecord, recordFor, shownHolder } from './record.ts';

const GRANTED = 'holdfast-granted 1\n';
/** Stands where the news stood, if whoever was told of them may not remove them. */
const TOLD = 'holdfast-told 1\n';
/** What a directory with the sticky bit says to who would remove or replace another user's file. */
const REFUSALS = ['EPERM', 'EACCES'];

/**
 * Leaves word of an exclusive holder that died, for the next exclusive one; not where something foreign stands. Trace (D the dead holder, N the next):
 *  1. Who breaks D's claim writes the news before it removes the claim. Dying between: the next breaker writes them again.
 *  2. N gets the lock and says so in the counter; where that cannot be written, in a file of its own, `granted.T` with N's
 *     token T. 3. N reads the news and removes them. 4. N removes `granted.T`, then its claim.
 *  N dead at 2: N's own claim is broken, and its death is the news, as N may have begun. N dead after 3: the same. N dead
 *  in 4: N had the chance to say that it was done; `granted.T` without a claim is litter.
 *  N stopped at 2 for longer than its lease: it sees that its claim is gone, gets no grant, and leaves the news as they are.
 *  A contender that died before either named its claim was never granted anything, and is no news.
 *  Where neither can be written, as on a full disk, N leaves the news to the next one as well, and N's own death is none.
 *
 *  A file of news that another user wrote can be neither removed nor replaced in a directory with the sticky bit, but it can
 *  be written over by whoever may use the lock: N writes at 3 that they were told, in the same file, and who breaks a claim
 *  at 1 writes the news there. Dying within 1: D's claim still stands, and the next breaker writes them again, before
 *  anybody reads them. Dying within 3: they were told, or N's own death is the news, as above.
 */
export function leaveNews(lock: PortableLock, dead: FoundClaim): void {
  const { place } = lock;
  const { record } = dead;
  if (record?.mode !== 'exclusive' || !wasGranted(place, dead.token)) return;
  if (isForeign(place)) return;
  putNews(lock, formatRecord(record));
}

function putNews({ request, place }: PortableLock, text: string): void {
  try {
    writeWhole(place.news, text, request, place.privatePath(newToken()));
  } catch (error) {
    if (REFUSALS.includes(systemCode(error) ?? '')) writeOverQuietly(place, text);
    // A full disk: the next holder is not told, as it would not be told of a kernel lock either.
  }
}

function writeOverQuietly({ news }: Place, text: string): void {
  try {
    writeOver(news, text, (former) => former.startsWith(CLAIM_SIGNATURE) || former.startsWith(TOLD));
  } catch {
    // Nobody gave this user the right: then they are told again, or not at all.
  }
}

function wasGranted(place: Place, claim: string): boolean {
  return claimOfLastGrant(place) === claim || isMarkedGranted(place, claim);
}

/** Says that a claim was granted where the counter cannot. False when this cannot be said either. */
export function markGranted({ request, place }: PortableLock, claim: string): boolean {
  try {
    writeNew(place.grantedPath(claim), GRANTED, request, 'quick');
    return true;
  } catch {
    return false;
  }
}

export function isMarkedGranted(place: Place, claim: string): boolean {
  return readText(place.grantedPath(claim)) === GRANTED;
}

export function unmarkGranted({ place }: PortableLock, claim: string): void {
  removeQuietly(place.grantedPath(claim));
}

/** An exclusive holder that died, and the text that tells of it. */
export interface News {
  readonly holder: HolderRecord;
  readonly text: string;
}

/** The news of a nested holder that died, which its own lock told. */
export function newsOf(
  { request, settings }: PortableLock,
  dead: HolderRecord | undefined,
): News | undefined {
  if (dead === undefined) return undefined;
  const { since, ...holder } = dead;
  const record = { ...recordFor(request, 'exclusive', settings.lease), holder };
  return { holder: dead, text: formatRecord(since === undefined ? record : { ...record, since }) };
}

/** What nobody was told of yet, for who has the gate. */
export function readNews({ place }: PortableLock): News | undefined {
  const text = readOurs(place);
  if (text === undefined) return undefined;
  if (text.startsWith(TOLD)) {
    removeQuietly(place.news); // where this user may
    return undefined;
  }
  const record = parseRecord(text);
  return { holder: record === undefined ? {} : shownHolder(record), text };
}

/** Puts news back that were not told after all, for who still has the lock; see 2 above for a death before. */
export function returnNews(lock: PortableLock, { text }: News): void {
  const { place } = lock;
  const isFree = lstatSync(place.news, { throwIfNoEntry: false }) === undefined;
  if (isFree || readOurs(place)?.startsWith(TOLD) === true) putNews(lock, text);
}

export function forgetNews({ place }: PortableLock): void {
  if (readOurs(place)?.startsWith(CLAIM_SIGNATURE) !== true) return;
  removeQuietly(place.news);
  if (lstatOrNothing(place.news) !== undefined) writeOverQuietly(place, TOLD);
}

function isForeign(place: Place): boolean {
  return lstatSync(place.news, { throwIfNoEntry: false }) !== undefined && readOurs(place) === undefined;
}

/** What stands in the news' place, if it is Holdfast's at all. */
function readOurs({ news }: Place): string | undefined {
  if (lstatOrNothing(news) === undefined) return undefined;
  const text = readText(news);
  return text?.startsWith(CLAIM_SIGNATURE) || text?.startsWith(TOLD) ? text : undefined;
}
