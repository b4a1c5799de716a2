import type { Degradation } from '../engine.ts';
import { errnoName } from './lock-file.ts';

/** The common case, shared by every grant that lacks nothing. */
export const NOT_DEGRADED: readonly Degradation[] = [];

export function readOnlyFile(path: string, code: string): readonly Degradation[] {
  return [{ reason: 'read-only-file', path, detail: `${path} can be read but not written (${code})` }];
}

export function foreignContent(path: string): readonly Degradation[] {
  const detail = `${path} holds content that is not Holdfast's, which was left as it is`;
  return [{ reason: 'foreign-content', path, detail }];
}

/** `result` is what the write returned: a negative errno, or a count that is too small. */
export function recordNotWritten(path: string, result: number): readonly Degradation[] {
  const why = result < 0 ? errnoName(-result) : 'the disk took only a part of it, or refused it';
  return [
    { reason: 'record-not-written', path, detail: `the holder's record could not be written (${why})` },
  ];
}

export function recordDamaged(path: string): readonly Degradation[] {
  const detail = `the record in ${path} was damaged; its token starts anew from the clock`;
  return [{ reason: 'record-damaged', path, detail }];
}
