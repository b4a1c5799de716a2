import type { Recipe } from './draft.ts';
import { type Place, placeOf, standingPlaceOf } from './file/place.ts';
import type { Restored } from './recovery/recovery.ts';
import type { RestoreRequest } from './recovery/restore.ts';
import type { Settings } from './settings.ts';
import type { Job } from './writer.ts';

/** A backup that is to take the place of what is there. */
export interface Restoration extends Pick<RestoreRequest, 'backup' | 'only'> {
  restored?: Restored;
}

/** A change that waits to be written. */
export interface Change extends Job {
  /** `save`: merges the unsaved edits. Otherwise the recipe of an update. */
  readonly recipe: Recipe<never> | 'save' | 'remove' | Restoration;
  /** Why it was not done. */
  failure?: unknown;
  /** Its change is on the disk. */
  done: () => void;
}

/**
 * Where these changes are written: in a directory that is there, unless one of them may make the document anew.
 *
 * @throws {MissingDocumentError} before a lock would make the directory.
 */
export function placeFor(
  { path, create }: Pick<Settings<unknown>, 'path' | 'create'>,
  jobs: readonly Change[],
): Place {
  const mayMake = ({ recipe }: Change) => recipe === 'save' || typeof recipe === 'function';
  return create !== undefined && jobs.some(mayMake) ? placeOf(path) : standingPlaceOf(path);
}

/** A change and the promise of its outcome. */
export function change<R>(
  recipe: Change['recipe'],
  result: () => R,
  patience?: 'patient',
): { readonly job: Change; readonly outcome: Promise<R> } {
  const job: Change = { recipe, patience, isOver: false, done: () => {}, failed: () => {} };
  const outcome = new Promise<R>((resolve, reject) => {
    job.done = () => {
      job.isOver = true;
      resolve(result());
    };
    job.failed = (error) => {
      if (job.isOver) return;
      job.isOver = true;
      job.failure = error;
      reject(error);
    };
  });
  return { job, outcome };
}
