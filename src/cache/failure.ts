import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { HoldfastError, systemCode } from '../errors/base.ts';
import { FetchFailedError } from '../errors/cache-errors.ts';
import { self } from '../identity/self.ts';
import { given } from '../lock/known-options.ts';
import { removeIfEmpty } from '../storage/fs/quietly.ts';
import { readBeginning } from '../storage/regular-file.ts';
import type { Layout } from './layout.ts';
import type { FetchOptions } from './options.ts';
import { put } from './publish.ts';
import { type FailureMark, LONGEST_RECORD } from './record.ts';

/** What was made may be right for a call that asks for other bytes, or allows none. */
const OF_TERMS = ['HOLDFAST_INTEGRITY', 'HOLDFAST_PRODUCER'];

function termsOf({ integrity, size, allowEmpty = false }: FetchOptions): string {
  return JSON.stringify([integrity, size, allowEmpty]);
}

/** Characters of a message that are shared. */
const MOST_SHARED = 4096;

export function readMark(layout: Layout, key: string): FailureMark | undefined {
  try {
    const value = JSON.parse(readBeginning(layout.failureOf(key), LONGEST_RECORD)) as FailureMark | null;
    const { name, message, code = '' } = value?.failure ?? {};
    const isText = [value?.id, value?.by, name, message, code].every((each) => typeof each === 'string');
    return value?.key === key && isText ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Best effort: without it, those who waited fetch themselves. For who holds the key's lock. */
export async function leaveMark(
  layout: Layout,
  key: string,
  error: unknown,
  options: FetchOptions,
): Promise<void> {
  const code = systemCode(error);
  const { pid, user } = self();
  const { name, message } = wordsOf(error);
  const mark = {
    id: randomBytes(8).toString('hex'),
    key,
    failure: { name, message: message.slice(0, MOST_SHARED), ...given({ code }) },
    by: `pid ${pid}${user === undefined ? '' : `, user ${user}`}`,
    ...given({ only: OF_TERMS.includes(code ?? '') ? termsOf(options) : undefined }),
  };
  await put(layout, key, layout.failureOf(key), mark).catch(() => {}); // a full disk, say
  removeIfEmpty(layout.partialOf(key));
}

/** Whatever was thrown: of other people's errors, nothing is sure. */
function wordsOf(error: unknown): { readonly name: string; readonly message: string } {
  try {
    const { name = 'Error', message = error } = error instanceof Error ? error : {};
    return { name: String(name), message: String(message) };
  } catch {
    return { name: 'Error', message: 'unknown' };
  }
}

export function removeMark(layout: Layout, key: string): void {
  rmSync(layout.failureOf(key), { recursive: true, force: true });
}

/** What a call gets that waited through a failure; undefined when the failure was of something it did not ask for. */
export function sharedFailure(mark: FailureMark, options: FetchOptions): FetchFailedError | undefined {
  if (mark.only !== undefined && mark.only !== termsOf(options)) return undefined;
  return new FetchFailedError(mark.key, mark.failure, mark.by);
}

/** Whether an error says that the flight itself failed, and not that its caller asked for something impossible. */
export function isOfFlight(error: unknown): boolean {
  const own = ['HOLDFAST_LOST', 'HOLDFAST_DEADLOCK', 'HOLDFAST_INPUT', 'HOLDFAST_TIMEOUT', 'HOLDFAST_BUSY'];
  return !(error instanceof HoldfastError && own.includes(error.code));
}
