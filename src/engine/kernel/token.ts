import { fsyncSync } from 'node:fs';
import { Date } from '../../time/time.ts';
import type { BlockState } from './block.ts';

/** How often a lock can be handed on within a thread without writing its file. */
export const TOKENS_PER_TENURE = 1000;

/** The last token this thread started from the clock. */
let started = 0;

/**
 * The token after the one in the block; 0, none, where the block is not ours to write.
 *
 * In the boot that counted it, the page cache is the truth, so the next number follows. After another boot, what the
 * disk kept may be older than what was given out, but never below `bound`, which was synced before any token up to it
 * was shown to anyone. An empty or damaged block starts from the clock in microseconds, so that a deleted lock file
 * does not make tokens start over either.
 */
export function nextToken(state: BlockState): number {
  if (state.kind === 'foreign') return 0;
  if (state.kind !== 'intact') {
    started = Math.max(Date.now() * 1000, started + 1000); // the clock's millisecond may have begun a count already
    return started;
  }
  return (state.sameBoot ? state.token : Math.max(state.token, state.bound)) + 1;
}

/** The bound that the disk is known to have; a holder that died may have written its own without having synced it. */
export function trustedBound(state: BlockState): number {
  return state.sameBoot && !state.held ? state.bound : 0;
}

/** Whether the disk knows now what was written to the file. */
export function isSynced(fd: number): boolean {
  try {
    fsyncSync(fd);
    return true;
  } catch {
    return false; // a failing or full disk: the bound is taken back by the release
  }
}
