import { userInfo } from 'node:os';
import { isAbsolute, join, sep } from 'node:path';
import { InputError, shown } from '../errors/input-error.ts';

/** Where the state of a whole machine lives (`--system`). */
export const SYSTEM_HOME = '/var/lib/holdfast';

/** The variable that names a user's home directory. */
const HOME = sep === '\\' ? 'USERPROFILE' : 'HOME';

/**
 * Where Holdfast keeps what is not beside a data file: `HOLDFAST_HOME`, else `$XDG_STATE_HOME/holdfast`, else
 * `.local/state/holdfast` in the user's home directory: `HOME`, else that of the user database. Not the runtime
 * directory: cron and ssh sessions would not share it. An empty variable counts as none.
 *
 * @throws {InputError} naming the variable whose value is not an absolute path; or the user has no home directory.
 */
export function stateHome(env: NodeJS.ProcessEnv = process.env): string {
  const own = absolute('HOLDFAST_HOME', env.HOLDFAST_HOME);
  if (own !== undefined) return own;
  const state = absolute('XDG_STATE_HOME', env.XDG_STATE_HOME);
  if (state !== undefined) return join(state, 'holdfast');
  const home = userHome(env, 'HOLDFAST_HOME');
  if (home !== undefined) return join(home, '.local', 'state', 'holdfast');
  throw homeless('HOLDFAST_HOME');
}

/**
 * Where this user's settings are: `$XDG_CONFIG_HOME/holdfast`, else `.config/holdfast` in the user's home directory;
 * undefined for a user who has none.
 *
 * @throws {InputError} naming the variable whose value is not an absolute path.
 */
export function configHome(env: NodeJS.ProcessEnv = process.env): string | undefined {
  const config = absolute('XDG_CONFIG_HOME', env.XDG_CONFIG_HOME);
  if (config !== undefined) return join(config, 'holdfast');
  const home = userHome(env, 'XDG_CONFIG_HOME');
  return home === undefined ? undefined : join(home, '.config', 'holdfast');
}

/**
 * Where the command line keeps what it fetches: `HOLDFAST_CACHE`, else `$XDG_CACHE_HOME/holdfast`, else `.cache/holdfast` in
 * the user's home directory. An empty variable counts as none.
 *
 * @throws {InputError} as `stateHome` does.
 */
export function cacheHome(env: NodeJS.ProcessEnv = process.env): string {
  const own = absolute('HOLDFAST_CACHE', env.HOLDFAST_CACHE);
  if (own !== undefined) return own;
  const caches = absolute('XDG_CACHE_HOME', env.XDG_CACHE_HOME);
  if (caches !== undefined) return join(caches, 'holdfast');
  const home = userHome(env, 'HOLDFAST_CACHE');
  if (home !== undefined) return join(home, '.cache', 'holdfast');
  throw homeless('HOLDFAST_CACHE');
}

/** `instead` is what can be set where the value cannot be used. A relative one would be another place in every directory. */
function userHome(env: NodeJS.ProcessEnv, instead: string): string | undefined {
  return absolute(HOME, env[HOME], `; or set ${instead} to one`) ?? homeInDatabase();
}

function homeless(instead: string): InputError {
  return new InputError(
    `environment variable ${HOME}`,
    `is not set, and the user database has no home directory for ${user()}; set it, or ${instead}, to an absolute path`,
  );
}

/** That of the user database, which has none for many users of containers and services. */
function homeInDatabase(): string | undefined {
  try {
    const { homedir } = userInfo();
    return isAbsolute(homedir) ? homedir : undefined;
  } catch {
    return undefined;
  }
}

function user(): string {
  const uid = process.getuid?.();
  return uid === undefined ? 'this user' : `user id ${uid}`;
}

function absolute(name: string, value: string | undefined, instead = ''): string | undefined {
  if (value === undefined || value === '') return undefined;
  if (!isAbsolute(value) || value.includes('\0')) {
    throw new InputError(
      `environment variable ${name}`,
      `must be an absolute path, got ${shown(value)}${instead}`,
    );
  }
  return value;
}
