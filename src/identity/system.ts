/** A process at one instant: of two looks, the second may meet another process of the same id, or none. */
export interface Sight {
  /** When it started, in the platform's own unit. */
  readonly start: string;
  /** Whether it has ended, and only waits for its parent to ask how. */
  readonly isZombie: boolean;
}

/** What each platform can tell about processes; the twins `linux.ts`, `darwin.ts` and `windows.ts` provide it. */
export interface ProcessFacts {
  /** How often it could not look for lack of descriptors or memory: what it told meanwhile need not be so. */
  misses?(): number;
  /** Identifies the current boot among those of all machines; empty when the platform cannot tell. */
  bootId(): string;
  /** The identifier this machine was given when it was set up; a cloned machine may have its original's. */
  machineId(): string | undefined;
  /** Identifies the pid namespace of this process; undefined when the platform has none. */
  pidNamespace(): string | undefined;
  /** Identifies the time namespace of this process; undefined when the platform has none. */
  timeNamespace(): string | undefined;
  /** What one look at process `pid` tells; undefined when there is none, or it cannot be told. */
  look(pid: number): Sight | undefined;
  /** Whether start times count from the boot, so that they recur after the next, or are times of the calendar. */
  readonly startClock: 'boot' | 'calendar';
  /** Whether process `pid` is stopped (SIGSTOP, a debugger); undefined when it cannot be told. */
  isStopped(pid: number): boolean | undefined;
  /** The ids of all processes of this pid namespace that are seen; none where that cannot be told. */
  processIds(): readonly number[];
  /** The process that started process `pid`, or took it over; undefined when it cannot be told. */
  parentOf(pid: number): number | undefined;
  /** The process group of process `pid`; undefined when it cannot be told. */
  groupOf(pid: number): number | undefined;
  /** The id that process `pid` has in its own pid namespace; undefined when that is this one, or cannot be told. */
  innerId(pid: number): number | undefined;
  /** The command line of process `pid`, if it can be read. */
  commandOf(pid: number): string | undefined;
}
