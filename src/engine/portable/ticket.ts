import { randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { HolderRecord } from '../../identity/holder.ts';
import type { Mode } from '../engine.ts';
import { readText, removeQuietly, writeWhole } from './files.ts';
import { livenessAt } from './liveness.ts';
import type { PortableLock } from './lock.ts';
import { fileMode, makeQueue, type Place } from './place.ts';
import { type ClaimRecord, formatRecord, newToken, parseRecord, recordFor, shownHolder } from './record.ts';

/** What a ticket's owner waits for. */
export type TicketKind = 'exclusive' | 'shared' | 'upgrade';

/** `ticket.<microseconds, 16 digits>.<kind>.<random>`: sorts by age, and is never used twice. */
const NAME = /^ticket\.(\d{16})\.(exclusive|shared|upgrade)\.[0-9a-f]{16}$/;

export interface Ticket {
  readonly name: string;
  readonly path: string;
  readonly kind: TicketKind;
  /** Wall clock, so that the tickets of several machines can be compared; milliseconds. */
  readonly time: number;
}

let last = 0;

/** Microseconds of the wall clock; never twice the same in one thread. */
function stamp(): string {
  last = Math.max(Date.now() * 1000, last + 1);
  return String(last).padStart(16, '0');
}

/** The name of a ticket that is taken now, unless another stamp is given. */
export function ticketName(kind: TicketKind, time = stamp()): string {
  return `ticket.${time}.${kind}.${randomBytes(8).toString('hex')}`;
}

/** Information only. Undefined when none can be left: a full disk. The lock is none the worse for it. */
export function leaveTicket({ request, place }: PortableLock, kind: TicketKind): Ticket | undefined {
  const mode: Mode = kind === 'shared' ? 'shared' : 'exclusive';
  const name = ticketName(kind);
  const text = formatRecord(recordFor(request, mode, undefined));
  try {
    makeQueue(request, place);
    writeWhole(join(place.queue, name), text, fileMode(request), place.privatePath(newToken()));
    return parseName(place, name);
  } catch {
    return undefined;
  }
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
    return names.sort().flatMap((name) => parseName(place, name) ?? []);
  } catch {
    return []; // no queue, or not ours to read
  }
}

/** What a ticket says of its owner; undefined when it is gone, makes no sense, or its owner is dead: then it is removed. */
export function readTicket({ path }: Ticket): ClaimRecord | undefined {
  const record = parseRecord(readText(path) ?? '');
  if (record === undefined) return undefined;
  if (livenessAt(path, record.holder) !== 'dead') return record;
  removeQuietly(path); // its name is never used again
  return undefined;
}

/** Whoever waits, oldest first. */
export function readTickets(place: Place): { readonly ticket: Ticket; readonly holder: HolderRecord }[] {
  return listTickets(place).flatMap((ticket) => {
    const record = readTicket(ticket);
    return record === undefined ? [] : [{ ticket, holder: shownHolder(record) }];
  });
}
