import { randomBytes } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';

const PREFIX = '.holdfast-doctor-';
const ATTEMPTS = 5;

/**
 * Where a trial will take place: a directory of its own inside the one that is looked at. It is named before it is made,
 * so that whoever is to remove it knows it in time.
 */
export function nameScratch(directory: string): string {
  return join(directory, PREFIX + randomBytes(8).toString('hex'));
}

export function makeScratch(path: string): void {
  mkdirSync(path, 0o700);
}

/** Removes it with all that is in it, if it is there, and never anything that is no such directory. */
export function removeScratch(path: string): void {
  if (!basename(path).startsWith(PREFIX)) return;
  for (let attempt = 1; ; attempt++) {
    try {
      rmSync(path, { recursive: true, force: true });
      return;
    } catch (error) {
      if (attempt === ATTEMPTS) throw error; // until then it may be that two remove it at once
    }
  }
}
