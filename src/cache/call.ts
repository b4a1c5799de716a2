import { type Integrity, matches } from '../content/integrity.ts';
import { IntegrityError } from '../errors/content-errors.ts';
import { isPromise } from '../lock/body.ts';
import { given } from '../lock/known-options.ts';
import type { Lock } from '../lock/lock.ts';
import type { LockManager } from '../lock/manager.ts';
import { anyOf } from '../lock/on-abort.ts';
import type { Layout } from './layout.ts';
import type { Sight } from './look.ts';
import type { FetchOptions } from './options.ts';
import type { Producer } from './producer.ts';
import type { PresentRecord } from './record.ts';

/** What a call asks for. */
export interface Wish {
  readonly key: string;
  readonly options: FetchOptions;
  readonly integrity: Integrity | undefined;
  /** Pins the content of what the call came to, before somebody can remove it. */
  readonly keep?: ((content: string) => Promise<void>) | undefined;
}

/** One call of `fetch` that the entry there was does not answer. */
export interface Call extends Wish {
  readonly layout: Layout;
  readonly locks: LockManager;
  readonly producer: Producer;
  /** Milliseconds to wait for others. */
  readonly timeout: number;
  /** Milliseconds for which paths stay usable. */
  readonly graceMs: number;
  /** What was known of the key when it came: what is known later is of flights it waited through. */
  readonly before: { readonly generation: number; readonly failures: readonly string[] };
  /** Aborts when no call of this thread wants the entry any more. */
  readonly signal: AbortSignal;
}

/** A call whose turn it is. */
export interface Turn extends Call {
  readonly lock: Lock;
  /** Also aborts when the lock is lost, or the caller's own `onProgress` throws: that ends this call, and no other. */
  readonly signal: AbortSignal;
  readonly progress: (done: number, total?: number) => void;
}

export function turnOf(call: Call, lock: Lock): Turn {
  const { key, options } = call;
  const thrown = new AbortController();
  return {
    ...call,
    lock,
    signal: anyOf([call.signal, lock.signal, thrown.signal]),
    progress(done, total) {
      if (options.signal?.aborted === true) return; // others of this thread want the entry, and it goes on for them
      try {
        const result: unknown = options.onProgress?.({ key, done, ...given({ total }) });
        if (isPromise(result)) result.then(undefined, (error) => thrown.abort(error));
      } catch (error) {
        thrown.abort(error);
      }
    },
  };
}

/** Whether only its hash tells that what was seen is what a call asks for. */
export function needsHash({ options, integrity }: Wish, { state, record }: Sight): boolean {
  const isKnown = integrity === undefined || record?.digests[integrity.algorithm] !== undefined;
  return state === 'touched' || !isKnown || options.verify === 'full';
}

export function fits({ integrity, options: { size } }: Wish, record: PresentRecord): boolean {
  return (
    (size === undefined || size === record.size) &&
    (integrity === undefined || matches(integrity, record.digests))
  );
}

/** The error of a call that may not fetch what it asks for. */
export function unfit({ key, options }: Wish, { integrity, size }: PresentRecord): IntegrityError {
  const expected = options.integrity ?? `${options.size} bytes`;
  return new IntegrityError({ what: key, expected, got: integrity, size });
}
