import type { HolderRecord } from '../../identity/holder.ts';
import type { LockRequest } from '../engine.ts';
import { readText, removeQuietly, writeWhole } from './files.ts';
import { livenessAt } from './liveness.ts';
import type { FoundClaim } from './look.ts';
import { fileMode, type Place } from './place.ts';
import { isProcessNumber, json, newToken } from './record.ts';

const SIGNATURE = 'holdfast-child 1\n';

type Child = NonNullable<HolderRecord['child']>;

/** The lock a child works under. */
interface Held {
  readonly request: LockRequest;
  readonly place: Place;
}

/** Adds to a claim, which itself never changes, the command that runs under it, and holds it as long as it lives. */
export function leaveChild({ request, place }: Held, token: string, child: Child): void {
  try {
    writeWhole(
      place.childPath(token),
      `${SIGNATURE}${JSON.stringify(child)}`,
      fileMode(request),
      place.privatePath(newToken()),
    );
  } catch {
    // A full disk: the command goes unnamed.
  }
}

export function removeChild({ place }: Held, token: string): void {
  removeQuietly(place.childPath(token));
}

/**
 * Whether the command of a claim may still be at work, although the process that made the claim is dead. A record that
 * is missing or forged can keep a lock from being taken, or have it judged by its owner alone; it never frees one early
 * that the owner's life would keep.
 */
export function mayCommandLive(place: Place, { path, token, record }: FoundClaim): boolean {
  const child = readChild(place, token);
  if (child === undefined || record === undefined) return false;
  const { start: _, ...sameMachine } = record.holder;
  return livenessAt(path, { ...sameMachine, ...child }) !== 'dead';
}

export function readChild(place: Place, token: string): Child | undefined {
  const text = readText(place.childPath(token)) ?? '';
  const value = text.startsWith(SIGNATURE) ? json(text.slice(SIGNATURE.length)) : undefined;
  if (typeof value !== 'object' || value === null) return undefined;
  const { pid, start } = value as Partial<Record<string, unknown>>;
  if (!isProcessNumber(pid)) return undefined;
  return typeof start === 'string' && /^\d{1,20}$/.test(start) ? { pid, start } : { pid };
}
