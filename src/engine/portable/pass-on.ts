import { renameSync } from 'node:fs';
import { EngineMismatchError, RefusedError } from '../../errors/lock-errors.ts';
import { outlastUse } from '../../storage/replace/index.ts';
import { trace } from '../../trace/trace.ts';
import { isMakeshift, lastToken } from './counter.ts';
import { removeQuietly } from './files.ts';
import type { PortableLock } from './lock.ts';
import { look } from './look.ts';
import { forgetNews, readNews } from './news.ts';
import { areReadersGone } from './readers.ts';
import { newToken } from './record.ts';
import { replaceOwn } from './take-over.ts';

/**
 * Passes the lock path on to another engine, for who has the gate and knows that no reader is left: at that moment nobody
 * holds the lock, and nobody can come to hold it. Does nothing where there is no heir, or where somebody chose this engine.
 *
 * Trace (H passes on, with its claim T at the lock path L; P another portable contender, K one of the heir):
 *  1. H makes the heir's file F in private, free, with the last token and the news in it, and has the disk know it.
 *  2. H takes `break.T`, the right to remove T, and sees that L still carries T. So nobody removes T but H.
 *  3. H renames F to L, over T. 4. H removes the counter and the news. 5. H gives the right back, and contends as K.
 *  P before 3 meets T, which is held, and waits. P after 3 meets the file of another engine, and is told so. P's link or
 *  rename to L fails before as after 3, for something stands there all the time: there is no instant in which L is free.
 *  K before 3 meets T, also where it has opened L already: it compares inodes once it has the lock. K after 3 meets F.
 *  H dead before 3: T is taken over, with the counter and the news as they were, and F is litter. After 3: F is there
 *  whole, and what 4 would have removed says nothing more, as nobody asks for it where a file of the heir stands.
 *  H stopped anywhere: before 3, T is held, and a person who breaks it finds the right taken. After 3, the lock is the
 *  heir's, and free.
 *
 * @throws {EngineMismatchError} it is the heir's from now on; whoever asked goes on there.
 */
export function passOn(lock: PortableLock, claim: string): void {
  const { request, place, settings } = lock;
  const { heir } = settings;
  if (heir === undefined || !isMakeshift(place)) return;
  const own = look(place.lock);
  if (own.kind !== 'claim' || own.token !== claim) return; // lost meanwhile, which the grant's own check tells
  const file = place.privatePath(newToken());
  heir.makeFile(request, file, { token: lastToken(place), died: readNews(lock)?.holder });
  try {
    settings.step('pass-on');
    if (!replaceOwn(lock, own, () => outlastUse(() => renameSync(file, place.lock)))) return;
  } finally {
    removeQuietly(file); // gone, if it was renamed
  }
  trace?.(place.lock, `is the ${heir.name} engine's from now on`);
  forgetNews(lock);
  removeQuietly(place.counter);
  throw new EngineMismatchError(request, 'portable', heir.name);
}

/** The same for a reader at the gate, which may well have company: then the lock stays where it is. */
export function passOnUnshared(lock: PortableLock, claim: string): void {
  if (lock.settings.heir !== undefined && isMakeshift(lock.place) && isUnshared(lock)) passOn(lock, claim);
}

function isUnshared(lock: PortableLock): boolean {
  try {
    return areReadersGone(lock);
  } catch (error) {
    if (error instanceof RefusedError) return false; // something foreign, which does not keep a reader out
    throw error;
  }
}
