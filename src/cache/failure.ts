import { randomBytes } from 'node:crypto';
import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { HoldfastError, systemCode } from '../errors/base.ts';
import { FetchFailedError, type FetchFailure } from '../errors/cache-errors.ts';
import { self } from '../identity/self.ts';
import { removeIfEmpty } from '../storage/fs/quietly.ts';
import { readBeginning } from '../storage/regular-file.ts';
import { replaceSync } from '../storage/replace/index.ts';
import { type Layout, makeWorkshop } from './layout.ts';
import { LONGEST_RECORD } from './record.ts';

/** What the last flight of a key that failed has left for those who waited through it. */
export interface FailureMark {
  /** Tells this failure from every other. */
  readonly id: string;
  readonly key: string;
  readonly failure: FetchFailure;
  readonly by: string;
  /** The integrity it failed to have: nobody else's failure than of those who asked for the same. */
  readonly only?: string;
}

/** Characters of a message that are shared. */
const MOST_SHARED = 4096;

export function readMark(layout: Layout, key: string): FailureMark | undefined {
  try {
    const value = JSON.parse(readBeginning(layout.failureOf(key), LONGEST_RECORD)) as FailureMark | null;
    const { name, message, code } = value?.failure ?? {};
    const isMark =
      value?.key === key &&
      [value.id, value.by, name, message, code ?? ''].every((each) => typeof each === 'string');
    return isMark ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Not durable, and best effort: without it, those who waited fetch themselves. For who holds the key's lock. */
export function leaveMark(layout: Layout, key: string, error: unknown, integrity: string | undefined): void {
  const code = systemCode(error);
  const { pid, user } = self();
  const mark: FailureMark = {
    id: randomBytes(8).toString('hex'),
    key,
    failure: {
      name: error instanceof Error ? error.name : 'Error',
      message: (error instanceof Error ? error.message : String(error)).slice(0, MOST_SHARED),
      ...(code === undefined ? {} : { code }),
    },
    by: `pid ${pid}${user === undefined ? '' : `, user ${user}`}`,
    ...(integrity === undefined || code !== 'HOLDFAST_INTEGRITY' ? {} : { only: integrity }),
  };
  try {
    makeWorkshop(layout.partialOf(key));
    const temporary = join(layout.partialOf(key), 'failed');
    rmSync(temporary, { force: true });
    writeFileSync(temporary, JSON.stringify(mark), { flag: 'wx', mode: 0o600 });
    chmodSync(temporary, layout.fileMode);
    replaceSync(temporary, layout.failureOf(key));
  } catch {
    // A full disk, say.
  }
  removeIfEmpty(layout.partialOf(key));
}

export function removeMark(layout: Layout, key: string): void {
  rmSync(layout.failureOf(key), { recursive: true, force: true });
}

/** What a call gets that waited through a failure; undefined when the failure was of something it did not ask for. */
export function sharedFailure(
  mark: FailureMark,
  integrity: string | undefined,
): FetchFailedError | undefined {
  if (mark.only !== undefined && mark.only !== integrity) return undefined;
  return new FetchFailedError(mark.key, mark.failure, mark.by);
}

/** Whether an error says that the flight itself failed, and not that its caller asked for something impossible. */
export function isOfFlight(error: unknown): boolean {
  const own = ['HOLDFAST_LOST', 'HOLDFAST_DEADLOCK', 'HOLDFAST_INPUT', 'HOLDFAST_TIMEOUT', 'HOLDFAST_BUSY'];
  return !(error instanceof HoldfastError && own.includes(error.code));
}
