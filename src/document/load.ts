import { DamagedError } from '../errors/document-errors.ts';
import { type ReadOptions, readVersion, type Version } from './file/version.ts';
import { type Loaded, parse } from './text.ts';
import { pausing, type Work } from './work.ts';

/** Milliseconds between looks at a file that does not parse: a program may be writing it in place. */
const PAUSES = [20, 40, 80];

export interface LoadOptions extends Omit<ReadOptions, 'known'> {
  /** A version whose value is taken over where the text is the same. */
  readonly known?: Loaded | undefined;
}

/**
 * Reads a file and what it says; undefined when there is none. What is empty or does not parse is read again for 140 ms
 * before it counts as damaged.
 *
 * @throws {DamagedError | UnreadableError}
 */
export function* load(path: string, options: LoadOptions): Work<Loaded | undefined> {
  for (const pause of PAUSES) {
    try {
      return loadNow(path, options);
    } catch (error) {
      if (!(error instanceof DamagedError)) throw error;
    }
    yield* pausing(pause);
  }
  return loadNow(path, options);
}

/** The same in one look. */
export function loadNow(path: string, options: LoadOptions): Loaded | undefined {
  const version = readVersion(path, options);
  return version === undefined ? undefined : withValue(version, options);
}

function withValue(version: Version, { known, shown }: LoadOptions): Loaded {
  const json = known?.hash === version.hash ? known.json : parse(version.text, shown);
  return { ...version, json };
}
