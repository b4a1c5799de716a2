/** Signals that end a process which does not handle them: what they are sent for while there is no command yet. */
export const FIRST: readonly NodeJS.Signals[] = [
  'SIGINT',
  'SIGTERM',
  'SIGHUP',
  'SIGQUIT',
  'SIGUSR1',
  'SIGUSR2',
];

/** The others of that kind. They have their default action until there is a command to pass them on to. */
const LATER: readonly NodeJS.Signals[] = [
  'SIGALRM',
  'SIGVTALRM',
  'SIGABRT',
  'SIGIO',
  'SIGPWR',
  'SIGSTKFLT',
  'SIGXCPU',
];

/** Signals that stop a process which does not handle them. */
export const STOPPING: readonly NodeJS.Signals[] = ['SIGTSTP', 'SIGTTIN'];

/** Signals that mean nothing to a process which does not handle them. */
export const HARMLESS: readonly NodeJS.Signals[] = ['SIGWINCH', 'SIGURG'];

/** Signals of a whole foreground group, when they come from its terminal. */
export const FROM_TERMINAL: readonly NodeJS.Signals[] = [
  'SIGINT',
  'SIGQUIT',
  'SIGHUP',
  'SIGTSTP',
  'SIGWINCH',
];

/**
 * All that are passed on to a command, beside those of `FIRST`.
 *
 * Not among them: KILL and STOP, which nobody can pass on; those of a fault (SEGV, BUS, FPE, ILL, TRAP, SYS) and CHLD,
 * which are about the process that gets them; PIPE, XFSZ and TTOU, which this process raises by what it writes itself;
 * PROF, which is the profiler's of Node.js; and those without a name, of which Node.js does not tell.
 */
export const NEXT: readonly NodeJS.Signals[] = [...LATER, ...STOPPING, ...HARMLESS, 'SIGCONT'];
