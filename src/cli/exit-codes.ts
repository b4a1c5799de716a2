import { SIGNAL_BASE } from '../command/signals/exit-code.ts';

/** What the exit code of a command says. A command run under a lock adds its own, and 128 + n for a signal n that `endBySignal` does not tell by death. */
export const exitCodes = {
  success: 0,
  /** `who`: nobody holds the lock. `break`: the answer was no. `clean`: something could not be removed.
   *  `rules check`, `doctor`, `cache verify`: something was found; once --peek, --active: no. `fetch`: a URL failed.
   *  `cache path`, `rm`: no such entry.
   *  `doc`: the file, the path or the backup is not there, or the file is damaged. `doc merge`, `doc resolve`: there are conflicts. */
  no: 1,
  /** `doc merge`: a file cannot be read, or is not JSON. `doc resolve`: it failed. */
  unusable: 2,
  busy: 75,
  timeout: 124,
  failure: 125,
  notExecutable: 126,
  notFound: 127,
  signalBase: SIGNAL_BASE,
} as const;

/** The table every `--help` ends with. */
export const exitCodeHelp = `
Exit codes:
  0        success; for run, once and guard, the command's own code
  1        who: the lock is free; break: not everything was ended; clean: not everything was removed; rules check, doctor, cache verify: something was found; once --peek, --active: no; fetch: a URL failed; cache path, rm: no such entry; doc: the file, the path or the backup is not there, or the file is damaged; doc merge, resolve: conflicts
  2        doc merge: a file cannot be read or is not JSON, or an option is wrong; doc resolve: it failed
  75       the lock is busy: run --no-wait, and guard unless its rule says otherwise
  124      the lock was not free, or the run of once or the fetch of another not over, within --timeout
  125      holdfast itself failed: bad usage, no lock available
  126      run, once, guard: the command cannot be executed, or has no rule where that is refused
  127      run, once, guard: the command was not found
  128 + n  the command died of signal n; of INT, TERM, HUP, QUIT, USR1, USR2 and PIPE, run, guard and once die as well`;
