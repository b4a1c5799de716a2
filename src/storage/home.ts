import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { InputError, shown } from '../errors/input-error.ts';

/** Where the state of a whole machine lives (`--system`). */
export const SYSTEM_HOME = '/var/lib/holdfast';

/**
 * Where Holdfast keeps what is not beside a data file: `HOLDFAST_HOME`, else `$XDG_STATE_HOME/holdfast`, else
 * `~/.local/state/holdfast`. Not the runtime directory: cron and ssh sessions would not share it.
 *
 * @throws {InputError} naming the variable whose value is not an absolute path.
 */
export function stateHome(env: NodeJS.ProcessEnv = process.env): string {
  const own = absolute('HOLDFAST_HOME', env.HOLDFAST_HOME);
  if (own !== undefined) return own;
  const state = absolute('XDG_STATE_HOME', env.XDG_STATE_HOME);
  return state === undefined ? join(homedir(), '.local', 'state', 'holdfast') : join(state, 'holdfast');
}

/**
 * Where this user's settings are: `$XDG_CONFIG_HOME/holdfast`, else `~/.config/holdfast`.
 *
 * @throws {InputError} naming the variable whose value is not an absolute path.
 */
export function configHome(env: NodeJS.ProcessEnv = process.env): string {
  return join(absolute('XDG_CONFIG_HOME', env.XDG_CONFIG_HOME) ?? join(homedir(), '.config'), 'holdfast');
}

function absolute(name: string, value: string | undefined): string | undefined {
  if (value === undefined || value === '') return undefined;
  if (!isAbsolute(value) || value.includes('\0')) {
    throw new InputError(`environment variable ${name}`, `must be an absolute path, got ${shown(value)}`);
  }
  return value;
}
