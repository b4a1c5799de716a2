import { DamagedError } from '../errors/document-errors.ts';
import type { Json } from '../json/json.ts';
import { finish, pausing, type Work } from '../lock/work.ts';
import { type Adopted, adopted } from './adopt.ts';
import { type ReadOptions, readVersion } from './file/version.ts';
import type { Settings } from './settings.ts';
import { type Loaded, parse } from './text.ts';

/** Milliseconds between looks at a file that does not parse: a program may be writing it in place. */
const PAUSES = [20, 40, 80];

export interface LoadOptions extends Omit<ReadOptions, 'known'> {
  /** A version whose value is taken over where the text is the same. */
  readonly known?: Loaded | undefined;
  /** There was a file: an editor may have moved it away for the instant in which it writes it anew. */
  readonly isExpected?: boolean;
  /** What the program works with, of what the file says; without it, just that. */
  readonly adopt?: (json: Json) => Work<Adopted>;
}

/** How the file of a document is read. */
export function readingOf(
  settings: Pick<Settings<unknown>, 'path' | 'maxBytes' | 'schema' | 'migrate' | 'holdLimit'>,
): LoadOptions {
  const { path: shown, maxBytes } = settings;
  return { shown, maxBytes, adopt: (json) => adopted(settings, json) };
}

/**
 * Reads a file and what it says; undefined when there is none. What is empty, does not parse or does not fit is read
 * again for 140 ms before it counts as damaged, and so is one that was there before it counts as missing.
 *
 * @throws {DamagedError | UnreadableError}
 */
export function* load(path: string, options: LoadOptions): Work<Loaded | undefined> {
  const isExpected = options.isExpected ?? options.known !== undefined;
  for (const pause of PAUSES) {
    try {
      const loaded = yield* loadOnce(path, options);
      if (loaded !== undefined || !isExpected) return loaded;
    } catch (error) {
      if (!(error instanceof DamagedError)) throw error;
    }
    yield* pausing(pause);
  }
  return yield* loadOnce(path, options);
}

/** The same in one look. @throws {TypeError} the schema validates asynchronously. */
export function loadNow(path: string, options: LoadOptions): Loaded | undefined {
  return finish(loadOnce(path, options));
}

function* loadOnce(path: string, options: LoadOptions): Work<Loaded | undefined> {
  const { known, shown, adopt } = options;
  const version = readVersion(path, options);
  if (version === undefined) return undefined;
  if (known?.hash === version.hash) {
    const { json, isRaised, tooNew } = known;
    return { ...version, json, isRaised, tooNew };
  }
  const json = parse(version.text, shown);
  return { ...version, ...(adopt === undefined ? { json } : yield* adopt(json)) };
}
