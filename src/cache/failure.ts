import { randomBytes, scrypt } from 'node:crypto';
import { promisify } from 'node:util';
import { type ResumingProducer, TERMS } from '../download/producer.ts';
import { systemCode } from '../errors/base.ts';
import { FetchFailedError } from '../errors/cache-errors.ts';
import { isExhaustion } from '../errors/exhaustion.ts';
import { here } from '../identity/index.ts';
import { self } from '../identity/self.ts';
import { given } from '../lock/known-options.ts';
import { removeIfEmpty, removeTreeQuietly } from '../storage/fs/quietly.ts';
import { readBeginning } from '../storage/regular-file.ts';
import { isTransient } from '../storage/transient/index.ts';
import type { Call } from './call.ts';
import type { Layout } from './layout.ts';
import type { FetchOptions } from './options.ts';
import { put } from './publish.ts';
import { type FailureMark, type FailureMarks, LONGEST_RECORD } from './record.ts';

/** Of the call or the process alone, as one that has too few descriptors: others may have no such failure. */
const OF_ONE = [
  'ABORT_ERR',
  'AbortError', // of a signal that only this producer knows
  'EADDRNOTAVAIL',
  'EFBIG', // may be a limit of the process (ulimit -f)
  'ENOBUFS',
  'ERR_ACCESS_DENIED', // by the flags that this Node.js was started with
  'HOLDFAST_INPUT',
  // of locks
  'HOLDFAST_BUSY',
  'HOLDFAST_CONTRACT',
  'HOLDFAST_DEADLOCK',
  'HOLDFAST_DEGRADED',
  'HOLDFAST_EXHAUSTED',
  'HOLDFAST_INACCESSIBLE',
  'HOLDFAST_LOST',
  'HOLDFAST_MISMATCH',
  'HOLDFAST_REFUSED',
  'HOLDFAST_TIMEOUT',
  'HOLDFAST_UNSUPPORTED',
  'HOLDFAST_UNWRITABLE',
];
/** Of a command that somebody ended. */
const SIGNAL = /^SIG[A-Z]/;
/** What was made may be right for a call that asks for other bytes, or allows none; what does not fit, for one of no size. */
const OF_WISH = ['HOLDFAST_INTEGRITY', 'HOLDFAST_NO_SPACE', 'HOLDFAST_PRODUCER'];
/** What the system says to one user on one machine. */
const OF_SYSTEM = /^(?!HOLDFAST_)[A-Z][A-Z\d_]+$|^HOLDFAST_(NO_SPACE|CACHE_DIRECTORY)$/;

const slowHash = promisify(scrypt);
/** Characters of a message that are shared. */
const MOST_SHARED = 4096;
/** Failures on different terms that a waiter may have waited through. */
const MOST_MARKS = 8;

export function readMarks(layout: Layout, key: string): readonly FailureMark[] {
  try {
    const found = JSON.parse(readBeginning(layout.failureOf(key), LONGEST_RECORD)) as FailureMarks | null;
    return found?.key === key ? found.marks.filter(isMark) : [];
  } catch {
    return [];
  }
}

function isMark({ id, by, download, wish = '', place = '', failure }: FailureMark): boolean {
  const { name, message, code = '' } = failure;
  return [id, by, download, wish, place, name, message, code].every((each) => typeof each === 'string');
}

/** For who holds the key's lock. Best effort: without it, those who waited fetch themselves. */
export async function leaveMark(
  { layout, key, options, producer }: Pick<Call, 'layout' | 'key' | 'options' | 'producer'>,
  error: unknown,
): Promise<void> {
  const signs = signsOf(error);
  if (!signs.some(isOfOne)) {
    const code = systemCode(error);
    const { pid, user } = self();
    const { name, message } = wordsOf(error);
    const id = randomBytes(8).toString('hex');
    const download = await hashOfTerms(producer, id);
    const isOfWish = download !== '' || signs.some((each) => OF_WISH.includes(each));
    const mark = {
      id,
      failure: { name, message: message.slice(0, MOST_SHARED), ...given({ code }) },
      by: `pid ${pid}${user === undefined ? '' : `, user ${user}`}`,
      download,
      ...given({
        wish: isOfWish ? wishOf(options) : undefined,
        place: signs.some((each) => OF_SYSTEM.test(each)) ? placeOfSelf() : undefined,
      }),
    };
    const marks = [mark, ...readMarks(layout, key)].slice(0, MOST_MARKS);
    await put(layout, key, layout.failureOf(key), { key, marks }).catch(() => {}); // a full disk, say
  }
  removeIfEmpty(layout.partialOf(key));
}

function isOfOne(sign: string): boolean {
  return OF_ONE.includes(sign) || isExhaustion(sign) || isTransient({ code: sign }) || SIGNAL.test(sign);
}

/** Codes and names of an error and of all that caused it, and the signal that ended its command. */
function signsOf(error: unknown, seen = new Set<unknown>()): readonly string[] {
  try {
    if (typeof error !== 'object' || error === null || seen.has(error)) return [];
    seen.add(error);
    const { code, name, signal, cause, errors = [] } = error as Record<string, unknown>;
    const causes = [cause, ...(Array.isArray(errors) ? errors : [])];
    const signs = [code, name, signal].filter((each) => typeof each === 'string');
    return [...signs, ...causes.flatMap((each) => signsOf(each, seen))];
  } catch {
    return [];
  }
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

export function removeMarks(layout: Layout, key: string): void {
  removeTreeQuietly(layout.failureOf(key)); // left behind, it is of no call that is still to come
}

/** What a call gets that waited through a failure; undefined where that says nothing of how its own fetch would end. */
export async function sharedFailure(call: Call): Promise<FetchFailedError | undefined> {
  const { layout, key, before, producer, options } = call;
  for (const { id, download, wish, place, failure, by } of readMarks(layout, key)) {
    if (before.failures.includes(id)) continue;
    if (wish !== undefined && wish !== wishOf(options)) continue;
    if (place !== undefined && place !== placeOfSelf()) continue;
    if (download === (await hashOfTerms(producer, id))) return new FetchFailedError(key, failure, by);
  }
  return undefined;
}

function wishOf({ integrity, size, allowEmpty = false }: FetchOptions): string {
  return JSON.stringify([integrity, size, allowEmpty]);
}

function placeOfSelf(): string {
  const { machine, host } = here();
  return JSON.stringify([machine, host, process.geteuid?.()]);
}

/** Slow to compute, beside the loop: whoever may read the mark must not find a password by trying many. */
async function hashOfTerms(producer: Call['producer'], salt: string): Promise<string> {
  if (!(TERMS in producer)) return '';
  const hash = (await slowHash((producer as ResumingProducer)[TERMS](), salt, 16)) as Buffer;
  return hash.toString('hex');
}
