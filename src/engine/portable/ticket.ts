import { randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { HolderRecord } from '../../identity/holder.ts';
import { Date } from '../../time/time.ts';
import type { Mode } from '../engine.ts';
import { type TicketKind, ticketKinds } from '../file/line.ts';
import { isCopy } from './copy.ts';
import { removeLeft, removeQuietly, writeWhole } from './files.ts';
import { giveBack, isAway, isDoneWith, lend, settle } from './give-back.ts';
import { livenessAt } from './liveness.ts';
import type { PortableLock } from './lock.ts';
import { type FoundClaim, look } from './look.ts';
import { makeQueue, type Place } from './place.ts';
import {
  type ClaimRecord,
  type FileIdentity,
  formatRecord,
  newToken,
  recordFor,
  shownHolder,
} from './record.ts';

/** `ticket.<microseconds, 16 digits>.<kind>.<random>`: sorts by age, and is never used twice. */
const NAME = new RegExp(`^ticket\\.(\\d{16})\\.(${ticketKinds.join('|')})\\.[0-9a-f]{16}$`);

export interface Ticket {
  readonly name: string;
  readonly path: string;
  readonly kind: TicketKind;
  /** Wall clock, so that the tickets of several machines can be compared; milliseconds. */
  readonly time: number;
}

export interface OwnTicket extends Ticket {
  /** Now, or as soon as the system lets it. */
  readonly giveBack: () => void;
}

/** A ticket that is later than this machine's clock by more milliseconds is another machine's, whose clock is ahead. */
const SKEW = 1000;

let last = 0;

/**
 * Microseconds of the wall clock, later than the ticket given: two that come in one millisecond keep their order, too.
 * Never twice the same in one thread.
 */
function stamp(newest?: Ticket): string {
  const now = Date.now();
  const ahead = newest !== undefined && newest.time < now + SKEW ? newest.time * 1000 : 0;
  last = Math.max(now * 1000, last + 1, Math.round(ahead) + 1);
  return String(last).padStart(16, '0');
}

/** The name of a ticket that is taken now, unless another stamp is given. */
export function ticketName(kind: TicketKind, time = stamp()): string {
  return `ticket.${time}.${kind}.${randomBytes(8).toString('hex')}`;
}

/** Information only. Undefined when none can be left: a full disk. The lock is none the worse for it. */
export function leaveTicket({ request, place }: PortableLock, kind: TicketKind): OwnTicket | undefined {
  const mode: Mode = kind === 'shared' ? 'shared' : 'exclusive'; // one that waits for a permit is told as it stands in line
  const record = { ...recordFor(request, mode, undefined), pause: request.pollInterval };
  const text = (file: FileIdentity) => formatRecord({ ...record, file });
  try {
    const home = makeQueue(request, place);
    const name = ticketName(kind, stamp(listTickets(place).at(-1)));
    writeWhole(join(place.queue, name), text, request, place.privatePath(newToken()));
    const ticket = parseName(place, name);
    if (ticket === undefined) return undefined;
    const remove = () => removeLeft(ticket.path, home);
    lend(name, remove);
    return { ...ticket, giveBack: () => giveBack(name, remove) };
  } catch {
    return undefined;
  }
}

/** Whether this thread has given a ticket back that is still there; then it is nobody's. */
function isOver({ name, path }: Ticket): boolean {
  if (!isDoneWith(name)) return false;
  if (!isAway(name)) return true;
  removeQuietly(path); // where its directory is now
  settle(name);
  return true;
}

function parseName(place: Place, name: string): Ticket | undefined {
  const [, time, kind] = NAME.exec(name) ?? [];
  if (time === undefined) return undefined;
  return { name, path: join(place.queue, name), kind: kind as TicketKind, time: Number(time) / 1000 };
}

/** All tickets of a lock, oldest first. */
export function listTickets(place: Place): Ticket[] {
  try {
    const names = readdirSync(place.queue).filter((name) => name.startsWith('ticket.'));
    const tickets = names.sort().flatMap((name) => parseName(place, name) ?? []);
    return tickets.filter((ticket) => !isOver(ticket));
  } catch {
    return []; // no queue, or not ours to read
  }
}

/**
 * What a ticket says of its owner; undefined when it is gone or makes no sense. One that nobody waits by is removed, and
 * undefined too.
 */
export function readTicket({ path }: Ticket): ClaimRecord | undefined {
  const found = look(path);
  if (found.kind !== 'claim' || found.record === undefined) return undefined;
  if (whyAbandoned(found) === undefined) return found.record;
  removeQuietly(path); // its name is never used again
  return undefined;
}

/** Why nobody waits by a ticket, in words; undefined for one that somebody may wait by. */
export function whyAbandoned(found: FoundClaim): string | undefined {
  const { path, record } = found;
  if (isCopy(found)) return 'is a copy of a ticket, and nobody waits by it';
  return record !== undefined && livenessAt(path, record.holder) === 'dead'
    ? 'its waiter is dead'
    : undefined;
}

/** Whoever waits, oldest first. */
export function readTickets(place: Place): { readonly ticket: Ticket; readonly holder: HolderRecord }[] {
  return listTickets(place).flatMap((ticket) => {
    const record = readTicket(ticket);
    return record === undefined ? [] : [{ ticket, holder: shownHolder(record) }];
  });
}
