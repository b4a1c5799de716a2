import type { Degradation } from '../engine.ts';
import type { BlockState } from './block.ts';
import { queueDirectory } from './entry.ts';
import { errnoName } from './lock-file.ts';

/** The common case, shared by every grant that lacks nothing. */
export const NOT_DEGRADED: readonly Degradation[] = [];

/** Why the record of an exclusive holder can, or should, not be what it usually is. */
export function degradationOf(
  path: string,
  readOnly: string | undefined,
  content: BlockState['kind'],
): readonly Degradation[] {
  if (readOnly !== undefined) return readOnlyFile(path, readOnly);
  if (content === 'foreign') return foreignContent(path);
  return content === 'torn' ? recordDamaged(path) : NOT_DEGRADED;
}

function readOnlyFile(path: string, code: string): readonly Degradation[] {
  return [{ reason: 'read-only-file', path, detail: `${path} can be read but not written (${code})` }];
}

function foreignContent(path: string): readonly Degradation[] {
  const detail = `${path} holds content that is not Holdfast's, which was left as it is`;
  return [{ reason: 'foreign-content', path, detail }];
}

/** `result` is what the write returned: a negative errno, or a count that is too small. */
export function recordNotWritten(path: string, result: number): readonly Degradation[] {
  const why = result < 0 ? errnoName(-result) : 'the disk took only a part of it';
  return unrecorded(path, `the holder's record could not be written (${why})`);
}

/** Of one of those who share a lock, whose record is an entry in the queue directory. */
export function entryNotLeft(path: string): readonly Degradation[] {
  const directory = queueDirectory(path);
  return unrecorded(
    path,
    `no record of this holder could be left in ${directory}: this user may not, or the disk is full`,
  );
}

function unrecorded(path: string, detail: string): readonly Degradation[] {
  return [{ reason: 'record-not-written', path, detail }];
}

function recordDamaged(path: string): readonly Degradation[] {
  const detail = `the record in ${path} was damaged; its token starts anew from the clock`;
  return [{ reason: 'record-damaged', path, detail }];
}

/** `refusal`: why the system gives no events, and `instead`: what is done, in words. */
export function noEvents(path: string, refusal: string, instead: string): Degradation {
  return { reason: 'no-events', path, detail: `${refusal}, so ${instead}` };
}
