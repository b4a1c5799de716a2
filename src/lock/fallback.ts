import type { Degradation } from '../engine/index.ts';
import { DegradedError, UnwritableError } from '../errors/lock-errors.ts';
import { lstatOrNothing } from '../storage/fs/stat.ts';
import { absolute } from '../storage/working-directory.ts';
import type { ManagerOptions } from './options.ts';
import type { Request } from './request.ts';
import { fallbackResource, type Resource, realPathOf } from './resource.ts';

const INPUT = 'fallbackDirectory';

/** Where a request goes whose own directory cannot be written. @throws {DegradedError} that is not allowed. */
export function fallbackOf(
  request: Request,
  error: unknown,
  { fallbackDirectory, strict }: ManagerOptions,
): { request: Request; degradation: Degradation } | undefined {
  if (fallbackDirectory === undefined || !(error instanceof UnwritableError)) return undefined;
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
 * Where a resource's lock is to be looked for: in the fallback directory if there is a lock file there, and none in its own
 * place, where it then cannot be held.
 */
export function placeToLook(resource: Resource, { fallbackDirectory }: ManagerOptions): string {
  if (fallbackDirectory === undefined || lstatOrNothing(resource.path) !== undefined) return resource.path;
  const moved = fallbackResource(resource, realPathOf(absolute(fallbackDirectory, INPUT), INPUT)).path;
  return lstatOrNothing(moved) === undefined ? resource.path : moved;
}
