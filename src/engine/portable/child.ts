import { systemCode } from '../../errors/base.ts';
import { UnwritableError } from '../../errors/lock-errors.ts';
import type { HolderRecord } from '../../identity/holder.ts';
import type { Liveness } from '../../identity/index.ts';
import { self } from '../../identity/self.ts';
import { syncDirectoryQuietly } from '../../storage/fs/sync-directory.ts';
import type { Heir, LockRequest, RecordedChild } from '../engine.ts';
import { readCertainly, removeQuietly, writeWhole } from './files.ts';
import { livenessAt } from './liveness.ts';
import type { FoundClaim } from './look.ts';
import { makeQueue, type Place } from './place.ts';
import { isProcessNumber, json, newToken } from './record.ts';

const SIGNATURE = 'holdfast-child 1\n';
const STARTING = 'starting';

/** The lock a child works under. */
interface Held {
  readonly request: LockRequest;
  readonly place: Place;
}

/**
 * Adds to a claim, which itself never changes, the command that runs under it, and holds it as long as the command lives.
 *
 * Trace (H holder, C its command, T the token of H's claim, N whoever comes next; H is killed):
 *  1. before `child.T` is there: N finds H dead and takes the claim over. H starts C only after 2, or has C wait for 3.
 *  2. `child.T` says `starting`: C may run, or not, and nobody can tell. N waits; the end of the boot or a person ends it.
 *  3. `child.T` names C: N waits until that very process is dead.
 *  The file changes by a rename, so that N sees 1, 2 or 3 and nothing else. It is on the disk before H goes on: a server
 *  that loses its memory, but not H, does not fall back behind what H has done since.
 *
 * @throws {UnwritableError} the record cannot be written. What it said before stands.
 */
export function leaveChild(
  { request, place }: Held,
  token: string,
  child: RecordedChild,
  others: readonly Heir[] = [],
): void {
  const path = place.childPath(token);
  const text = `${SIGNATURE}${child === STARTING ? STARTING : JSON.stringify(others.length === 0 ? child : { ...child, others })}`;
  try {
    makeQueue(request, place);
    writeWhole(path, text, request, place.privatePath(newToken()), 'durable');
    syncDirectoryQuietly(place.queue);
  } catch (error) {
    throw UnwritableError.ofCommand({ ...request, path }, systemCode(error) ?? 'EIO', error);
  }
}

export function removeChild({ place }: Held, token: string): void {
  removeQuietly(place.childPath(token));
}

/**
 * Whether the command of a claim may still be at work, although the process that made the claim is dead. A forged record
 * can keep a lock from being taken, or have it judged by its owner alone; it never frees one early that the owner's life
 * would keep.
 */
export function mayCommandLive(place: Place, found: FoundClaim): boolean {
  return commandLiveness(place, found) !== 'dead';
}

/** `dead` also where no command was ever to run; `unknown` where the system does not tell whether one was. */
export function commandLiveness(place: Place, { path, token, record }: FoundClaim): Liveness {
  const found = readRecorded(place, token);
  if (found === 'unreadable') return 'unknown';
  if (found === undefined || record === undefined) return 'dead';
  const { start: _, ...sameMachine } = record.holder;
  const { child, others } = found;
  if (child !== STARTING) {
    const lives = [child, ...others].map((each) => livenessAt(path, { ...sameMachine, ...each }));
    return lives.find((life) => life !== 'dead') ?? 'dead';
  }
  return record.holder.boot === self().boot ? 'unknown' : livenessAt(path, record.holder);
}

/** The command of a claim, once it has a name. */
export function readChild(place: Place, token: string): HolderRecord['child'] {
  const found = readRecorded(place, token);
  return found === undefined || found === 'unreadable' || found.child === STARTING ? undefined : found.child;
}

export function hasChild(place: Place, token: string): boolean {
  const found = readRecorded(place, token);
  return found !== undefined && found !== 'unreadable';
}

interface Recorded {
  readonly child: RecordedChild;
  /** Those who work under the claim beside its command, or after that: see `bequeath`. */
  readonly others: readonly NonNullable<HolderRecord['child']>[];
}

function readRecorded(place: Place, token: string): Recorded | 'unreadable' | undefined {
  let text: string;
  try {
    text = readCertainly(place.childPath(token)) ?? '';
  } catch {
    return 'unreadable';
  }
  if (!text.startsWith(SIGNATURE)) return undefined;
  const body = text.slice(SIGNATURE.length);
  if (body === STARTING) return { child: STARTING, others: [] };
  const named = json(body);
  const child = childFrom(named);
  if (child === undefined) return undefined;
  const { others } = named as { others?: unknown };
  return { child, others: Array.isArray(others) ? others.flatMap((each) => childFrom(each) ?? []) : [] };
}

function childFrom(value: unknown): HolderRecord['child'] {
  if (typeof value !== 'object' || value === null) return undefined;
  const { pid, start } = value as Partial<Record<string, unknown>>;
  if (!isProcessNumber(pid)) return undefined;
  return typeof start === 'string' && /^\d{1,20}$/.test(start) ? { pid, start } : { pid };
}
