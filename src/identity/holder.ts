/**
 * Who holds, or held, a lock. Information for people and programs only: a record may be missing, stale or forged, and
 * no decision about who holds a lock is ever taken from it.
 *
 * Every field may be absent: the holder may hide it (`record: 'anonymous'`), or may not be Holdfast at all.
 */
export interface HolderRecord {
  readonly pid?: number;
  /** When the process started, in the platform's own unit; with `boot`, tells a recycled pid from the holder. */
  readonly start?: string;
  /** The boot during which the record was written. */
  readonly boot?: string;
  /** The pid namespace `pid` belongs to. */
  readonly pidNamespace?: string;
  /** The time namespace `start` was read in. */
  readonly timeNamespace?: string;
  /** A digest of the machine's id. Machines that were cloned may share it. */
  readonly machine?: string;
  readonly host?: string;
  readonly user?: string;
  /** The thread inside the process; 0 is the main thread. */
  readonly thread?: number;
  readonly command?: string;
  readonly purpose?: string;
  /** Wall-clock time of the grant, ISO 8601. */
  readonly since?: string;
  /** The command that `holdfast run` started under the lock. */
  readonly child?: { readonly pid: number; readonly start?: string };
  /** The identity of the very claim that stands for the hold, where the portable engine decides. */
  readonly claim?: string;
  /** Milliseconds without a sign of life, as whoever read the record observed them; only where that is worth a word. */
  readonly silent?: number;
  /** True when its process is stopped (SIGSTOP, a debugger), as whoever read the record saw it. */
  readonly stopped?: boolean;
  /** True when it holds the lock nested, under another holder, or after that one has ended. */
  readonly nested?: boolean;
  /** True when it has inherited the lock from a holder that has ended. */
  readonly inherited?: boolean;
  /**
   * True when this is told by a copy of the holder's claim, made with the directory around it. Its process holds nothing
   * here, and does not know of it; `holdfast clean` removes it.
   */
  readonly copy?: boolean;
  /** True when the holder is a program that takes the lock without Holdfast, such as flock(1). */
  readonly foreign?: boolean;
}
