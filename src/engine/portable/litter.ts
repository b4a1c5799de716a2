import { lstatSync, readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import type { Leftover } from '../engine.ts';
import { CLAIM_FILE, CLAIM_SIGNATURE } from '../signature.ts';
import { hasChild } from './child.ts';
import { readText, removeClaimDirectory, removeQuietly } from './files.ts';
import { livenessAt } from './liveness.ts';
import type { PortableLock } from './lock.ts';
import { type FoundClaim, look } from './look.ts';
import { listReaders } from './readers.ts';
import { newToken, parseRecord } from './record.ts';
import { takeOver } from './take-over.ts';
import { listTickets, readTicket } from './ticket.ts';
import { isNoteOfTheDead } from './wait-note.ts';

const NAME = /^(new|gone|break|child|waits)\.([0-9a-f]{32})$/;

/** What stands for a hold: the claim at the lock path, and those of readers. */
export function claimLeftovers(lock: PortableLock): Leftover[] {
  const gate = look(lock.place.lock);
  const claims = [...(gate.kind === 'claim' ? [gate] : []), ...listReaders(lock.place)];
  return claims.map((claim) => judged(lock, claim, 'claim'));
}

/** What does not: files that processes left in the queue directory when they died. Nothing that lacks Holdfast's mark. */
export function litterOf(lock: PortableLock): Leftover[] {
  let names: string[];
  try {
    names = readdirSync(lock.place.queue);
  } catch {
    return []; // there is no queue, or it is not ours to read
  }
  return names.flatMap((name) => {
    const [, kind = '', token = ''] = NAME.exec(name) ?? [];
    return KINDS[kind]?.(lock, join(lock.place.queue, name), token) ?? [];
  });
}

const KINDS: Record<string, (lock: PortableLock, path: string, token: string) => Leftover[]> = {
  new: unpublished,
  gone: movedAside,
  break: broken,
  child: childless,
  waits: (_lock, path) =>
    isNoteOfTheDead(path) ? [litter(path, 'its waiter is dead', () => removeQuietly(path))] : [],
};

/** The tickets of those who wait. */
export function waitLeftovers(lock: PortableLock): Leftover[] {
  return listTickets(lock.place).map((ticket): Leftover => {
    const record = parseRecord(readText(ticket.path) ?? '');
    const dead = record !== undefined && livenessAt(ticket.path, record.holder) === 'dead';
    if (dead)
      return { ...litter(ticket.path, 'its waiter is dead', () => void readTicket(ticket)), what: 'ticket' };
    return { path: ticket.path, what: 'ticket', why: 'its waiter may live', remove: undefined };
  });
}

function judged(lock: PortableLock, claim: FoundClaim, what: Leftover['what']): Leftover {
  const verdict = lock.judge(claim);
  const { path } = claim;
  if (verdict === 'held') {
    const why =
      claim.record === undefined ? 'is damaged, and not old enough to be nobody’s' : reasonToKeep(claim);
    return { path, what, why, remove: undefined };
  }
  return { path, what, why: WHY[verdict], remove: () => takeOver(lock, claim) === 'removed' };
}

const WHY = {
  'owner-dead': 'its owner is dead',
  damaged: 'is damaged, and nobody touched it for a long time',
  'lease-over': 'its lease is over',
};

function reasonToKeep({ path, record }: FoundClaim): string {
  return record !== undefined && livenessAt(path, record.holder) === 'alive'
    ? 'its owner lives'
    : 'nothing proves that its owner is dead';
}

/** A claim that was never shown to anybody, so that removing it can do no harm: an owner that lives makes another. */
function unpublished(lock: PortableLock, path: string): Leftover[] {
  const names = namesIn(path);
  const text = names === undefined ? readText(path) : textOfClaim(path, names);
  if (text === undefined) return []; // no file, or a directory with something else in it
  const record = parseRecord(text);
  const ours = CLAIM_SIGNATURE.startsWith(text.slice(0, CLAIM_SIGNATURE.length));
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
  try {
    const aside = lock.place.gonePath(newToken());
    if (lstatSync(path).isDirectory()) renameSync(path, aside);
    else removeQuietly(path);
    removeClaimDirectory(aside);
  } catch {
    // Gone.
  }
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
  return found.kind === 'claim' ? [judged(lock, found, 'litter')].filter(({ remove }) => remove) : [];
}

function childless(lock: PortableLock, path: string, token: string): Leftover[] {
  const gate = look(lock.place.lock);
  const standing = [gate, ...listReaders(lock.place)].some(
    (found) => found.kind === 'claim' && found.token === token,
  );
  if (standing || !hasChild(lock.place, token)) return [];
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
