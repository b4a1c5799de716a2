/**
 * Who holds, or held, a lock. Information for people and programs only: a record may be missing, stale or forged, and
 * no decision about who holds a lock is ever taken from it.
 *
 * Every field may be absent: the holder may hide it (`record: 'anonymous'`), or may not be Holdfast at all.
 */
export interface HolderRecord {
  readonly pid?: number | undefined;
  /** When the process started, in the platform's own unit; with `boot`, tells a recycled pid from the holder. */
  readonly start?: string | undefined;
  /** The boot during which the record was written. */
  readonly boot?: string | undefined;
  /** The pid namespace `pid` belongs to. */
  readonly pidNamespace?: string | undefined;
  /** The time namespace `start` was read in. */
  readonly timeNamespace?: string | undefined;
  /** A digest of the machine's id. Machines that were cloned may share it. */
  readonly machine?: string | undefined;
  readonly host?: string | undefined;
  readonly user?: string | undefined;
  /** The thread inside the process; 0 is the main thread. */
  readonly thread?: number | undefined;
  readonly command?: string | undefined;
  readonly purpose?: string | undefined;
  /** Wall-clock time of the grant, ISO 8601. */
  readonly since?: string | undefined;
  /** The command that `holdfast run` started under the lock. */
  readonly child?: { readonly pid: number; readonly start?: string | undefined } | undefined;
  /** The identity of the very claim that stands for the hold, where the portable engine decides. */
  readonly claim?: string | undefined;
  /** Milliseconds without a sign of life, as whoever read the record observed them; only where that is worth a word. */
  readonly silent?: number | undefined;
  /** True when its process is stopped (SIGSTOP, a debugger), as whoever read the record saw it. */
  readonly stopped?: boolean | undefined;
  /** True when it holds the lock nested, under another holder, or after that one has ended. */
  readonly nested?: boolean | undefined;
  /** True when it has inherited the lock from a holder that has ended. */
  readonly inherited?: boolean | undefined;
  /**
   * True when this is told by a copy of the holder's claim, made with the directory around it. Its process holds nothing
   * here, and does not know of it; `holdfast clean` removes it.
   */
  readonly copy?: boolean | undefined;
  /** True when the holder is a program that takes the lock without Holdfast, such as flock(1). */
  readonly foreign?: boolean | undefined;
}
