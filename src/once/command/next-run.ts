import type { Store } from '../store.ts';
import type { Run } from './log.ts';

/** Where the output of one run ends, and that of the next one begins. */
export interface NextRun {
  /** The number of the run whose output follows. */
  readonly run: number;
  /** The number of the run whose output this was. */
  readonly after: number;
  /** How that one ended, in words that follow "the run": `died`, `was ended by SIGTERM`. */
  readonly why: string;
}

/** What a follower of `last` is told before it gets the output of `next`. */
export function nextRunAfter(store: Store, last: Run, next: Run): NextRun {
  const line = store.history().find(({ run }) => run === last.run);
  const why = line?.outcome === 'no result' ? `${line.detail}` : 'ended';
  return { run: next.run, after: last.run, why };
}
