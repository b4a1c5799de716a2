import { closeSync, rmdirSync, rmSync, unlinkSync } from 'node:fs';

/** What a descriptor reports on closing changes nothing for who is done with it. */
export function closeQuietly(fd: number): void {
  try {
    closeSync(fd);
  } catch {
    // EIO or EINTR after the descriptor is already gone.
  }
}

export function unlinkQuietly(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // Somebody else removed it, or may; either way it is not ours to insist.
  }
}

export function removeIfEmpty(directory: string): void {
  try {
    rmdirSync(directory);
  } catch {
    // Not empty, or gone.
  }
}

export function removeTreeQuietly(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch {
    // Something in it cannot be removed.
  }
}
