import type { HolderRecord } from '../../identity/holder.ts';
import { readText, removeQuietly, writeWhole } from './files.ts';
import type { PortableLock } from './lock.ts';
import { fileMode, type Place } from './place.ts';
import { isProcessNumber, json, newToken } from './record.ts';

const SIGNATURE = 'holdfast-child 1\n';

type Child = NonNullable<HolderRecord['child']>;

/** Adds to a claim, which itself never changes, the command that runs under it. Information only. */
export function leaveChild({ request, place }: PortableLock, token: string, child: Child): void {
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

export function removeChild({ place }: PortableLock, token: string): void {
  removeQuietly(place.childPath(token));
}

export function readChild(place: Place, token: string): Child | undefined {
  const text = readText(place.childPath(token)) ?? '';
  const value = text.startsWith(SIGNATURE) ? json(text.slice(SIGNATURE.length)) : undefined;
  if (typeof value !== 'object' || value === null) return undefined;
  const { pid, start } = value as Partial<Record<string, unknown>>;
  if (!isProcessNumber(pid)) return undefined;
  return typeof start === 'string' && /^\d{1,20}$/.test(start) ? { pid, start } : { pid };
}
