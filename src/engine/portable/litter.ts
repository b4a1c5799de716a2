import { lstatSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { lstatOrNothing } from '../../storage/fs/stat.ts';
import type { Leftover } from '../engine.ts';
import { slotIn } from '../file/permits.ts';
import { CLAIM_FILE, CLAIM_SIGNATURE, KERNEL_SIGNATURE } from '../signature.ts';
import { hasChild } from './child.ts';
import { isCopy } from './copy.ts';
import { readText, removeClaimDirectory, removeDirectoryWhole, removeQuietly } from './files.ts';
import { livenessAt } from './liveness.ts';
import type { PortableLock } from './lock.ts';
import { type FoundClaim, look } from './look.ts';
import { isMarkedGranted } from './news.ts';
import { listReaders, readerPaths } from './readers.ts';
import { newToken, parseRecord } from './record.ts';
import { cleanUp } from './take-over.ts';
import { listTickets, readTicket, whyAbandoned } from './ticket.ts';
import { isNoteOfTheDead } from './wait-note.ts';

const NAME = /^(new|gone|break|child|granted|waits)\.([0-9a-f]{32})$/;

/** What stands for a hold: the claim at the lock path, and those of readers. */
export function claimLeftovers(lock: PortableLock): Leftover[] {
  const gate = look(lock.place.lock);
  const claims = [...(gate.kind === 'claim' ? [gate] : []), ...listReaders(lock.place)];
  return claims.map((claim) => judged(lock, claim, 'claim'));
}

/** What does not: files that processes left in the queue directory when they died. Nothing that lacks Holdfast's mark. */
export function litterOf(lock: PortableLock): Leftover[] {
  return namesInQueue(lock).flatMap((name) => {
    const [, kind = '', token = ''] = NAME.exec(name) ?? [];
    return KINDS[kind]?.(lock, join(lock.place.queue, name), token) ?? [];
  });
}

/** Rights that were copied with a lock; for a person who asks, as copies of claims are. */
export function copiedRights(lock: PortableLock): Leftover[] {
  return namesInQueue(lock)
    .map((name) => join(lock.place.queue, name))
    .filter((path) => lock.place.isRight(path))
    .flatMap((path) => {
      const found = look(path);
      if (found.kind !== 'claim' || !isCopy(found)) return [];
      return [litter(path, COPY, () => void cleanUp(lock, found))];
    });
}

/** Empty also where there is no queue, or it is not ours to read. */
function namesInQueue({ place }: PortableLock): string[] {
  return namesIn(place.queue) ?? [];
}

const KINDS: Record<string, (lock: PortableLock, path: string, token: string) => Leftover[]> = {
  new: unpublished,
  gone: movedAside,
  break: broken,
  child: childless,
  granted: ungranted,
  waits: (_lock, path) =>
    isNoteOfTheDead(path) ? [litter(path, 'its waiter is dead', () => removeQuietly(path))] : [],
};

/** The tickets of those who wait. */
export function waitLeftovers(lock: PortableLock): Leftover[] {
  return listTickets(lock.place).map((ticket): Leftover => {
    const { path } = ticket;
    const found = look(path);
    const why = found.kind === 'claim' ? whyAbandoned(found) : undefined;
    if (why !== undefined) return { ...litter(path, why, () => void readTicket(ticket)), what: 'ticket' };
    return { path, what: 'ticket', why: 'its waiter may live', remove: undefined };
  });
}

function judged(lock: PortableLock, claim: FoundClaim, what: Leftover['what']): Leftover {
  const { path } = claim;
  const remove = () => cleanUp(lock, claim) === 'removed';
  if (isCopy(claim)) return { path, what, why: COPY, remove };
  const verdict = lock.judge(claim);
  if (verdict === 'held') {
    const why =
      claim.record === undefined ? "is damaged, and not old enough to be nobody's" : reasonToKeep(claim);
    return { path, what, why, remove: undefined };
  }
  return { path, what, why: WHY[verdict], remove };
}

const COPY = 'is a copy of a claim, and nobody holds a lock by it';

const WHY = {
  'owner-dead': 'its owner is dead',
  damaged: 'is damaged, and nobody touched it for a long time',
  'lease-over': 'its lease is over',
};

function reasonToKeep({ path, record, token }: FoundClaim): string {
  if (record !== undefined && livenessAt(path, record.holder) === 'alive') return 'its owner lives';
  const unproved = 'nothing proves that its owner is dead';
  // Nothing else tells of a claim nested under a permit whose other half is gone; see `abandon`.
  return slotIn(basename(path)) === undefined ? unproved : `${unproved} (holdfast break --claim ${token})`;
}

/** A claim that was never shown to anybody, so that removing it can do no harm: an owner that lives makes another. */
function unpublished(lock: PortableLock, path: string): Leftover[] {
  const names = namesIn(path);
  const text = names === undefined ? readText(path) : textOfClaim(path, names);
  if (text === undefined) return []; // no file, or a directory with something else in it
  const record = parseRecord(text);
  const ours = [CLAIM_SIGNATURE, KERNEL_SIGNATURE].some((known) =>
    known.startsWith(text.slice(0, known.length)),
  );
  const dead = record === undefined ? ours && lock.isOld(path) : livenessAt(path, record.holder) === 'dead';
  return dead ? [litter(path, 'was never finished', () => removeAside(lock, path))] : [];
}

/** Of a directory that has nothing but a claim in it, or nothing. */
function textOfClaim(path: string, names: readonly string[]): string | undefined {
  if (names.length === 0) return '';
  return names.join() === CLAIM_FILE ? readText(join(path, CLAIM_FILE)) : undefined;
}

/** A directory goes as a whole, so that its owner can never publish a half of it. */
function removeAside(lock: PortableLock, path: string): void {
  if (lstatOrNothing(path)?.isDirectory() === true)
    removeDirectoryWhole(path, lock.place.gonePath(newToken()));
  else removeQuietly(path);
}

/** Nobody has any use for it any more, its owner and breakers included. */
function movedAside(_lock: PortableLock, path: string): Leftover[] {
  const names = namesIn(path);
  const ours = names?.length === 0 || (names?.join() === CLAIM_FILE && look(path).kind === 'claim');
  return ours ? [litter(path, 'was moved aside to be removed', () => removeClaimDirectory(path))] : [];
}

function namesIn(path: string): string[] | undefined {
  try {
    return readdirSync(path);
  } catch {
    return undefined;
  }
}

function broken(lock: PortableLock, path: string): Leftover[] {
  const found = look(path);
  if (found.kind !== 'claim' || isCopy(found)) return [];
  return [judged(lock, found, 'litter')].filter(({ remove }) => remove);
}

function ungranted(lock: PortableLock, path: string, token: string): Leftover[] {
  if (mayStand(lock, token) || !isMarkedGranted(lock.place, token)) return [];
  return [litter(path, 'says that a lock was granted that is over', () => removeQuietly(path))];
}

/** Whether a claim with this token stands, or may stand for all that can be seen. */
function mayStand(lock: PortableLock, token: string): boolean {
  try {
    return [lock.place.lock, ...readerPaths(lock)]
      .map(look)
      .some((found) => found.kind === 'unreadable' || (found.kind === 'claim' && found.token === token));
  } catch {
    return true;
  }
}

function childless(lock: PortableLock, path: string, token: string): Leftover[] {
  if (mayStand(lock, token) || !hasChild(lock.place, token)) return [];
  return [litter(path, 'names the command of a lock that is over', () => removeQuietly(path))];
}

function litter(path: string, why: string, remove: () => void): Leftover {
  return {
    path,
    what: 'litter',
    why,
    remove: () => {
      remove();
      return lstatSync(path, { throwIfNoEntry: false }) === undefined;
    },
  };
}
