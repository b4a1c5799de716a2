import { type Degradation, engine } from '../engine/index.ts';
import { DegradedError, UnwritableError } from '../errors/lock-errors.ts';
import { lstatOrNothing } from '../storage/fs/stat.ts';
import { absolute } from '../storage/working-directory.ts';
import type { ManagerOptions } from './options.ts';
import { inspectAs } from './query.ts';
import type { Request } from './request.ts';
import { fallbackResource, type Resource, realPathOf } from './resource.ts';

const INPUT = 'fallbackDirectory';

/** Where a request goes whose own directory cannot be written, and has no lock file. @throws {DegradedError} that is not allowed. */
export function fallbackOf(
  request: Request,
  error: unknown,
  { fallbackDirectory, strict }: ManagerOptions,
): { request: Request; degradation: Degradation } | undefined {
  if (fallbackDirectory === undefined || !(error instanceof UnwritableError)) return undefined;
  if (lstatOrNothing(request.path) !== undefined) return undefined; // others may hold it there
  if (strict === true) {
    const detail = `${request.path} cannot be made (${error.systemCode}), only one in ${fallbackDirectory}`;
    throw new DegradedError(request, [detail]);
  }
  const { resource: label, path, beside, cliName } = request;
  const resource = { label, path, cliName, ...(beside === undefined ? {} : { beside }) };
  const moved = fallbackResource(resource, realPathOf(absolute(fallbackDirectory, INPUT), INPUT));
  const detail = `${path} cannot be made (${error.systemCode}), so the lock lies in ${fallbackDirectory}, where only contenders that fell back too will meet it`;
  return {
    request: { ...request, beside: undefined, path: moved.path, cliName: moved.cliName },
    degradation: { reason: 'fallback-directory', path: moved.path, detail },
  };
}

/**
 * Where a resource's lock is to be looked for: in the fallback directory where it is held there, and there is no lock file
 * in its own place. @throws {UnwritableError | ExhaustedError} nothing can be seen of the fallback directory.
 */
export function placeToLook(resource: Resource, { fallbackDirectory }: ManagerOptions): string {
  const { path } = resource;
  if (fallbackDirectory === undefined || lstatOrNothing(path) !== undefined) return path;
  const moved = fallbackResource(resource, realPathOf(absolute(fallbackDirectory, INPUT), INPUT)).path;
  return inspectAs(resource.label, moved).state === 'free' ? path : moved;
}

/** Watches a lock in its own place and in the fallback directory, without contending for it: free is what is so in both. */
export function untilFree(
  resource: Resource,
  options: ManagerOptions,
  onFree: () => void,
  onError: (error: unknown) => void,
): () => void {
  let stop = () => {};
  const watch = (path: string) => {
    stop = engine.untilFree(path, () => next(path), onError);
  };
  /** It was free at this path; who came before it was may hold it at the other one. */
  const next = (free: string) => {
    try {
      const path = placeToLook(resource, options);
      if (path === free && path === resource.path) onFree();
      else watch(path);
    } catch (error) {
      onError(error);
    }
  };
  watch(placeToLook(resource, options));
  return () => stop();
}
