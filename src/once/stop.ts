import { join } from 'node:path';
import type { HolderRecord } from '../identity/holder.ts';
import { self } from '../identity/self.ts';
import { lstatOrNothing } from '../storage/fs/stat.ts';
import { readRecordFile } from './access.ts';
import { type CurrentRun, isHolder } from './current.ts';
import { type Store, stopName } from './store.ts';

/*
 * A stop that a person asked for ends with a run those who wait for it; else the next of them would run what was just
 * stopped. It is recorded by S, who stops, without the lock: in a file named after the run R, which W, who waits, looks
 * for once it has the lock and finds R without an outcome. Like every record of who holds, it is information: it says
 * whether W runs or fails, never who may run.
 *
 *  1. S records the stop. S dies here: nobody is signalled, R goes on. Its outcome overrules the stop, as it overrules
 *     `current`.
 *  2. S signals R, which ends without an outcome, in good order or not.
 *  3. W gets the lock, finds R and its stop, which was not there when W came, and fails. So does the next in line.
 *  4. N, who came after the stop, gets the lock before, between or after them: the stop is not meant for it. It runs, and
 *     its `begin` removes the stop of R before it says that N's run is under way, so none of that run is ever removed.
 *  5. O, who waits for another command, gets the lock between 2 and 3. R is no longer what ran last, so O's `begin` first
 *     puts aside what is known of R, under its command, and keeps its stop for as long. W, whose turn comes after O's,
 *     looks for the last run of its own command, finds R, and fails as in 3. N' came after O's run began: it finds that R
 *     was over when it came, and runs; its `begin`, of the same command as R, removes what was put aside. O dies before it
 *     is put aside: `current` is still that of R. After it: `current` and what was put aside say the same. W need not wait
 *     for its turn: when O gets the lock, it looks, and fails if R is over for certain, for until then S may take its
 *     record back (see `isOver`).
 *  S cannot end R: it takes its record back. The record cannot be written: W runs, as it does after any other death.
 */

/** Says that a run is being stopped, by this process, and how long it has to end. Best effort. */
export function recordStop(store: Store, run: CurrentRun, grace?: number): void {
  try {
    store.files((files) => files.writeNew(stopName(run), JSON.stringify({ ...self(), grace })));
  } catch {
    // A full disk, or another one stops it too.
  }
}

/** For a run that could not be ended. */
export function withdrawStop(store: Store, run: CurrentRun): void {
  if (lstatOrNothing(store.directory) === undefined) return;
  store.files((files) => files.remove(stopName(run)));
}

/** Who stopped a run, if somebody did, and with which grace period, in milliseconds, if he said. */
export function stopperOf(
  store: Store,
  run: CurrentRun,
): (HolderRecord & { readonly grace?: number }) | undefined {
  const bytes = readRecordFile(join(store.directory, stopName(run)));
  if (bytes === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(bytes.toString());
    return isHolder(value) && isSpan((value as { grace?: unknown }).grace) ? value : {};
  } catch {
    return {}; // torn by a crash; that there is one says enough
  }
}

function isSpan(value: unknown): boolean {
  return value === undefined || (typeof value === 'number' && value >= 0);
}
