import { SIGNAL_BASE } from '../command/signals/exit-code.ts';

/** What the exit code of a command says. A command run under a lock adds its own, and 128 + n for a signal n that `endBySignal` does not tell by death. */
export const exitCodes = {
  success: 0,
  /** `who`: nobody holds the lock. `break`: the answer was no. `clean`: something could not be removed.
   *  `rules check`, `doctor`, `cache verify`: something was found; once --peek, --active: no; --stop: no run is known. `fetch`: a URL failed.
   *  `cache path`, `rm`: no such entry.
   *  `doc`: the file, the path or the backup is not there, or the file is damaged. `doc merge`, `doc resolve`: there are conflicts. */
  no: 1,
  /** `doc merge`: a file cannot be read, or is not JSON, or an option is wrong. `doc resolve`: it failed. */
  unusable: 2,
  busy: 75,
  timeout: 124,
  failure: 125,
  notExecutable: 126,
  notFound: 127,
  signalBase: SIGNAL_BASE,
} as const;
