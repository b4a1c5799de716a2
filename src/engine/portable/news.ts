import { lstatSync } from 'node:fs';
import type { HolderRecord } from '../../identity/holder.ts';
import { CLAIM_SIGNATURE } from '../signature.ts';
import { claimOfLastGrant } from './counter.ts';
import { readText, removeQuietly, writeWhole } from './files.ts';
import type { PortableLock } from './lock.ts';
import type { FoundClaim } from './look.ts';
import { fileMode, type Place } from './place.ts';
import { formatRecord, newToken, parseRecord, shownHolder } from './record.ts';

/**
 * Leaves word of an exclusive holder that died, for the next exclusive one; not where something foreign stands. Trace (D the dead holder, N the next):
 *  1. Who breaks D's claim writes the news before it removes the claim. Dying between: the next breaker writes them again.
 *  2. N gets the lock and says so in the counter. 3. N reads the news and removes them.
 *  N dead at 2: N's own claim is broken, and its death is the news, as N may have begun. N dead after 3: the same.
 *  A contender that died before the counter named its claim was never granted anything, and is no news.
 */
export function leaveNews({ request, place }: PortableLock, dead: FoundClaim): void {
  const { record } = dead;
  if (record?.mode !== 'exclusive' || claimOfLastGrant(place) !== dead.token) return;
  if (lstatSync(place.news, { throwIfNoEntry: false }) !== undefined && readSigned(place) === undefined)
    return;
  try {
    writeWhole(place.news, formatRecord(record), fileMode(request), place.privatePath(newToken()));
  } catch {
    // A full disk: the next holder is not told, as it would not be told of a kernel lock either.
  }
}

/** The exclusive holder that died, if nobody was told of it yet. */
export function readNews({ place }: PortableLock): HolderRecord | undefined {
  const text = readSigned(place);
  if (text === undefined) return undefined;
  const record = parseRecord(text);
  return record === undefined ? {} : shownHolder(record);
}

export function forgetNews({ place }: PortableLock): void {
  if (readSigned(place) !== undefined) removeQuietly(place.news);
}

/** What stands in the news' place, if it is Holdfast's at all. */
function readSigned({ news }: Place): string | undefined {
  const text = readText(news);
  return text?.startsWith(CLAIM_SIGNATURE) ? text : undefined;
}
