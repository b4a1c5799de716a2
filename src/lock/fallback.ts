import type { Degradation } from '../engine/index.ts';
import { DegradedError, UnwritableError } from '../errors/lock-errors.ts';
import { absolute } from '../storage/working-directory.ts';
import type { ManagerOptions } from './options.ts';
import type { Request } from './request.ts';
import { fallbackResource, realPathOf } from './resource.ts';

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
