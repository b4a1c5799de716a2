import { darwin } from './darwin.ts';
import { generic } from './generic.ts';
import type { HolderRecord } from './holder.ts';
import { linux } from './linux.ts';
import { type Drive, judge, type Liveness } from './liveness.ts';
import { known, type Place, placeOf } from './place.ts';
import type { ProcessFacts } from './system.ts';
import { windows } from './windows.ts';

export type { Drive, Liveness } from './liveness.ts';

const PLATFORMS: Partial<Record<NodeJS.Platform, ProcessFacts>> = { linux, darwin, win32: windows };

export const processFacts: ProcessFacts = PLATFORMS[process.platform] ?? generic;

let place: Place | undefined;

/** The place of this process, looked up once. */
export function here(): Place {
  return (
    place ??
    lookUp(
      () => placeOf(processFacts),
      (found) => {
        place = found;
      },
    )
  );
}

/** What was looked up, to be kept unless something could not be read for lack of descriptors: then it is looked up again. */
export function lookUp<T>(look: () => T, keep: (found: T) => void): T {
  const before = processFacts.misses?.();
  const found = look();
  if (processFacts.misses?.() === before) keep(found);
  return found;
}

/** A process of this place as a record, for `liveness` to recognise it by. */
export function recordOf(pid: number): HolderRecord & { readonly pid: number } {
  return { pid, ...here(), ...known({ start: processFacts.look(pid)?.start }) };
}

/**
 * Whether the process a record names still runs; `dead` only when that is proved, and `unknown`, which means held, when
 * nothing is. The numbered cases are at `judge`.
 *
 * `drive` is where the record was found. Only on a drive that is known to be this machine's own does another boot prove
 * that a process is gone: pass `local` for those, and nothing else.
 */
export function liveness(record: HolderRecord, drive: Drive = 'shared'): Liveness {
  return judge(record, { place: here(), facts: processFacts }, drive);
}
