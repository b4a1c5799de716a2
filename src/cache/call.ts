import type { Lock } from '../lock/lock.ts';
import type { LockManager } from '../lock/manager.ts';
import type { Integrity } from './integrity.ts';
import type { Layout } from './layout.ts';
import type { FetchOptions } from './options.ts';
import type { Producer } from './producer.ts';

/** What was known of a key when a call came: what is known later is of flights it waited through. */
export interface Marks {
  /** 0 for none. */
  readonly generation: number;
  readonly failure: string | undefined;
}

/** One call of `fetch` that goes through the key's lock. */
export interface Call {
  readonly layout: Layout;
  readonly locks: LockManager;
  readonly key: string;
  readonly producer: Producer;
  readonly options: FetchOptions;
  readonly integrity: Integrity | undefined;
  readonly before: Marks;
  /** Aborts when no call of this thread wants the entry any more. */
  readonly signal: AbortSignal;
}

/** A call whose turn it is. */
export interface Turn extends Call {
  readonly lock: Lock;
}
