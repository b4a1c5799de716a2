import { processFacts } from '../../identity/index.ts';
import { self } from '../../identity/self.ts';
import type { LockManager } from '../../lock/manager.ts';
import { exitCodes } from '../exit-codes.ts';
import { CliError } from '../report.ts';
import { targetOfWord } from '../settings.ts';

const VARIABLE = 'HOLDFAST_HELD';

/**
 * One lock that an enclosing `holdfast run` holds. Such a process takes a lock once in its life, so its own identity is
 * that of its grant.
 */
interface Claim {
  readonly path: string;
  readonly pid: number;
  readonly start: string;
  readonly boot: string;
}

/** The claims in the environment. Anything that is not what `holdfast run` writes counts as absent. */
function claims(env: NodeJS.ProcessEnv): Claim[] {
  try {
    const value: unknown = JSON.parse(env[VARIABLE] ?? '[]');
    return Array.isArray(value) ? value.filter(isClaim) : [];
  } catch {
    return [];
  }
}

function isClaim(value: unknown): value is Claim {
  const { path, pid, start, boot } = (value ?? {}) as Partial<Record<keyof Claim, unknown>>;
  return (
    typeof path === 'string' &&
    Number.isSafeInteger(pid) &&
    typeof start === 'string' &&
    start !== '' &&
    typeof boot === 'string'
  );
}

/**
 * The words whose locks the enclosing run holds already, so that taking them again would wait for ever.
 *
 * The variable only says where to look: a claim counts when the lock is held now, by the very process it names.
 *
 * @throws {CliError} the lock is held shared around this run, which wants it exclusive.
 */
export function alreadyHeld(
  words: readonly string[],
  mode: 'exclusive' | 'shared',
  locks: LockManager,
): Set<string> {
  const known = claims(process.env);
  if (known.length === 0) return new Set();
  return new Set(words.filter((word) => isHeldAround(word, mode, locks, known)));
}

function isHeldAround(
  word: string,
  mode: 'exclusive' | 'shared',
  locks: LockManager,
  known: readonly Claim[],
): boolean {
  const target = targetOfWord(word);
  const path = locks.pathOf(target);
  const claim = known.find((each) => each.path === path);
  if (claim === undefined || claim.boot !== processFacts.bootId()) return false;
  const { state, holders } = locks.inspect(target);
  const held = holders.some(({ pid, start }) => pid === claim.pid && start === claim.start);
  if (state === 'free' || !held) return false;
  if (state === 'shared' && mode === 'exclusive') {
    throw new CliError(
      exitCodes.failure,
      `${word} is held shared by the holdfast run around this one (pid ${claim.pid}), so taking it exclusive would ` +
        'wait for ever. Take it exclusive in the outer run, or pass --shared here',
    );
  }
  return true;
}

/** The variable for a command that runs under these locks, on top of those around this run. */
export function heldVariable(
  paths: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): NodeJS.ProcessEnv {
  const { pid, start, boot } = self();
  if (start === undefined) return {}; // no way to tell this process from a later one with its id
  const outer = claims(env).filter(({ path }) => !paths.includes(path));
  return { [VARIABLE]: JSON.stringify([...outer, ...paths.map((path) => ({ path, pid, start, boot }))]) };
}
