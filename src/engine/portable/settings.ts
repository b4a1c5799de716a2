import type { HolderRecord } from '../../identity/holder.ts';
import type { EngineName, LockRequest } from '../engine.ts';

/** How claims are laid out on the disk: a file that is linked into place, or a directory that is renamed into place. */
export type LayoutName = 'file' | 'directory';

/** What another engine finds out when a lock path becomes its own. */
export interface Legacy {
  /** The highest token that was counted; undefined when none was. */
  readonly token: number | undefined;
  /** The exclusive holder that died, if nobody was told of it yet. */
  readonly died: HolderRecord | undefined;
}

/** Another engine, to which the lock paths go that were this engine's only for want of it; see `passOn`. */
export interface Heir {
  readonly name: EngineName;
  /** Makes its file for a free lock under a name that nobody else uses, whole and known to the disk. */
  makeFile(request: LockRequest, path: string, legacy: Legacy): void;
  /** Refuses a grant of this engine, where the lock cannot be passed on yet, for a request that has to be the heir's. */
  insist(request: LockRequest): void;
}

/** How the portable engine works. All spans in milliseconds. */
export interface PortableOptions {
  /** Default `file`. Both are one protocol, so contenders of one lock may differ in it. */
  readonly layout?: LayoutName;
  /**
   * Gives this contender's grants the contract `lease`: others take the lock over when they have seen no sign of life for
   * one and a half times this long. Without it, only on proof of death.
   */
  readonly lease?: number;
  /** The age at which a claim that is damaged beyond proof counts as dead. Default 300,000. Never applies to a whole claim. */
  readonly staleAfter?: number;
  /** How often a holder shows that it is alive. Default 1,000, less for a short lease. */
  readonly beat?: number;
  /** After how long without a sign of life others call a holder stuck, which is information only. Default 3,000. */
  readonly stuckAfter?: number;
  /** It locks here only because this program lacks another engine, and says so where it counts its grants. */
  readonly makeshift?: boolean;
  /** Gets the lock path instead of this engine, where nobody ever chose this engine there. */
  readonly heir?: Heir;
  /** Called before each step of the protocol; for tests that stop it there. */
  readonly onStep?: (step: Step) => void;
}

/** The steps of the protocol that others can see, in the words of the traces beside the code. */
export type Step =
  | 'look'
  | 'publish-claim'
  | 'publish-break'
  | 'look-again'
  | 'remove-dead'
  | 'remove-break'
  | 'pass-on'
  | 'publish-reader'
  | 'look-at-gate'
  | 'inspect-gate'
  | 'drain'
  | 'count'
  | 'release'
  | 'take-right'
  | 'remove-own';

export interface Settings {
  readonly layout: LayoutName;
  readonly lease: number | undefined;
  readonly staleAfter: number;
  readonly beat: number;
  readonly stuckAfter: number;
  readonly makeshift: boolean;
  readonly heir: Heir | undefined;
  readonly step: (step: Step) => void;
}

const BEAT = 1000;
const BEATS_PER_LEASE = 4;
const STUCK_AFTER = 3000;
export const STALE_AFTER = 300_000;

export function settingsOf(options: PortableOptions): Settings {
  const { layout = 'file', lease, staleAfter = STALE_AFTER, stuckAfter = STUCK_AFTER } = options;
  const beat = options.beat ?? Math.min(BEAT, (lease ?? Number.POSITIVE_INFINITY) / BEATS_PER_LEASE);
  const { makeshift = false, heir, onStep: step = () => {} } = options;
  return { layout, lease, staleAfter, stuckAfter, beat, makeshift, heir, step };
}
