/** What the exit code of a command says. A command run under a lock adds its own, and 128 + n for a signal n. */
export const exitCodes = {
  success: 0,
  /** `who`: nobody holds the lock. `break`: the answer was no. `clean`: something could not be removed.
   *  `rules check`, `doctor`: something was found; once --peek, --active: no. */
  no: 1,
  busy: 75,
  timeout: 124,
  failure: 125,
  notExecutable: 126,
  notFound: 127,
  signalBase: 128,
} as const;

/** The table every `--help` ends with. */
export const exitCodeHelp = `
Exit codes:
  0        success; for run, once and guard, the command's own code
  1        who: the lock is free; break: not everything was ended; clean: not everything was removed; rules check, doctor: something was found; once --peek, --active: no
  75       the lock is busy: run --no-wait, and guard unless its rule says otherwise
  124      the lock was not free, or the run of once not over, within --timeout
  125      holdfast itself failed: bad usage, no lock to be had
  126      run, once, guard: the command cannot be executed, or has no rule where that is refused
  127      run, once, guard: the command was not found
  128 + n  ended by signal n`;
