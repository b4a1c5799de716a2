import { LinkedError } from '../errors/document-errors.ts';
import type { Lock } from '../lock/lock.ts';
import { run, type Work } from '../lock/work.ts';
import { inWords } from './commit.ts';
import { Folder, type Place, placeOf } from './file/place.ts';
import type { Settings } from './settings.ts';

/** Where a document is, for the holder of its lock. */
export interface Site {
  readonly place: Place;
  readonly folder: Folder;
  readonly lock: Pick<Lock, 'assertHeld'>;
}

/** What documents take their locks for. */
export const PURPOSES = ['document', 'update', 'resolve', 'recovery'] as const;

/** A link on the way to the file leads elsewhere by now. */
const MOVED = Symbol('moved');

/** Does something to a document under its exclusive lock. @throws {TimeoutError} and what `body` throws, in words. */
export async function underLock<R>(
  given: string,
  { locks, timeout, holdLimit }: Pick<Settings<unknown>, 'locks' | 'timeout' | 'holdLimit'>,
  purpose: (typeof PURPOSES)[number],
  body: (site: Site) => Work<R>,
): Promise<R> {
  for (;;) {
    const place = placeOf(given);
    const options = { holdLimit, purpose, ...(timeout !== undefined && { timeout }) };
    const result = await locks.with({ file: place.path }, options, async (lock) => {
      if (placeOf(given).path !== place.path) return MOVED;
      let folder: Folder | undefined;
      try {
        folder = new Folder(place);
        return await run(body({ place, folder, lock }), lock);
      } catch (error) {
        if (error instanceof LinkedError) return MOVED;
        throw inWords(place.given, error);
      } finally {
        folder?.close();
      }
    });
    if (result !== MOVED) return result as R;
  }
}
