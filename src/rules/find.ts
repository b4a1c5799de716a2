import { type Stats, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { systemCode } from '../errors/base.ts';
import { RulesError } from '../errors/rules-error.ts';
import { configHome } from '../storage/home.ts';
import { absolute } from '../storage/working-directory.ts';

const FILE = 'holdfast.yaml';

/**
 * The rules files that apply in a directory: the nearest `holdfast.yaml` from there upward, then the user's own, in
 * `$XDG_CONFIG_HOME/holdfast` or `~/.config/holdfast`.
 *
 * @throws {RulesError} the nearest one belongs to another user, who could switch our locks off with it.
 */
export function findRules(directory: string): string[] {
  const own = usersRules();
  const found = [nearest(absolute(directory)), own === undefined ? undefined : existing(own)];
  return [...new Set(found.filter((path) => path !== undefined))];
}

/** Where the user's own rules are looked for; a user without a home directory has none. */
export function usersRules(): string | undefined {
  const directory = configHome();
  return directory === undefined ? undefined : join(directory, FILE);
}

function nearest(directory: string): string | undefined {
  for (let at = directory; ; at = dirname(at)) {
    const path = existing(join(at, FILE));
    if (path !== undefined) return path;
    if (dirname(at) === at) return undefined;
  }
}

function existing(path: string): string | undefined {
  const stats = look(path);
  if (stats === undefined) return undefined;
  const user = process.getuid?.();
  if (user !== undefined && stats.uid !== user && stats.uid !== 0) {
    throw new RulesError(
      { file: path },
      `belongs to another user (uid ${stats.uid}), so it is not followed unasked; name it with --rules to use it`,
    );
  }
  return path;
}

function look(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new RulesError({ file: path }, `cannot be looked at (${code ?? String(error)})`);
  }
}
