/** What each platform can tell about processes; the twins `linux.ts` and `generic.ts` provide it. */
export interface ProcessFacts {
  /** Identifies the current boot of this machine; empty when the platform cannot tell. */
  bootId(): string;
  /** Identifies the pid namespace of this process; undefined when the platform has none. */
  pidNamespace(): string | undefined;
  /** When process `pid` started, in the platform's own unit; undefined when there is none, or it cannot be told. */
  startTime(pid: number): string | undefined;
  /** Whether process `pid` is stopped (SIGSTOP, a debugger); undefined when it cannot be told. */
  isStopped(pid: number): boolean | undefined;
  /** The command line of process `pid`, if it can be read. */
  commandOf(pid: number): string | undefined;
}
