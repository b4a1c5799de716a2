import { dirname } from 'node:path';
import type { Mode } from '../../engine/index.ts';
import { printable } from '../../errors/describe.ts';
import { processFacts } from '../../identity/index.ts';
import { self } from '../../identity/self.ts';
import { LockManager } from '../../lock/manager.ts';
import type { LockInfo } from '../../lock/query.ts';
import type { Target } from '../../lock/resource.ts';
import { exitCodes } from '../exit-codes.ts';
import { CliError } from '../report.ts';

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

/** A lock that is about to be taken. */
export interface Wish {
  /** What it is called in messages. */
  readonly label: string;
  readonly target: Target;
  readonly mode: Mode;
}

/**
 * The wishes that are to be granted still: not those whose locks are held around this process already, so that taking
 * them again would wait for ever.
 *
 * The variable only says where to look: a claim counts when the lock is held now, by the very process it names.
 *
 * @param hint what to do about a lock that is held shared around this process, which wants it exclusive.
 * @throws {CliError} when there is such a lock.
 */
export function notHeldAround<W extends Wish>(
  wishes: readonly W[],
  locks: LockManager,
  hint: string,
): readonly W[] {
  const known = claims(process.env);
  if (known.length === 0) return wishes;
  return wishes.filter((wish) => !isHeldAround(wish, locks, known, hint));
}

function isHeldAround(
  { label, target, mode }: Wish,
  locks: LockManager,
  known: readonly Claim[],
  hint: string,
): boolean {
  const path = locks.pathOf(target);
  const claim = known.find((each) => each.path === path);
  if (claim === undefined || claim.boot !== processFacts.bootId()) return false;
  const info = locks.inspect(target);
  if (!isBy(claim, info)) return false;
  if (info.state === 'shared' && mode === 'exclusive') {
    throw new CliError(
      exitCodes.failure,
      `${printable(label)} is held shared by the holdfast run around this one (pid ${claim.pid}), so taking it ` +
        `exclusive would wait for ever. ${hint}`,
    );
  }
  return true;
}

function isBy({ pid, start }: Claim, { state, holders }: LockInfo): boolean {
  return state !== 'free' && holders.some((holder) => holder.pid === pid && holder.start === start);
}

/** The locks that are held around this process, for a wait that must not become part of a deadlock. */
export function heldAround(): { readonly path: string; readonly resource: string }[] {
  return claims(process.env).flatMap((claim) => {
    if (claim.boot !== processFacts.bootId()) return [];
    const infos = new LockManager({ directory: dirname(claim.path) }).list();
    const info = infos.find(({ path }) => path === claim.path);
    return info !== undefined && isBy(claim, info) ? [{ path: claim.path, resource: info.resource }] : [];
  });
}

/** The variable for a command that runs under these locks, on top of those around this run. */
export function heldVariable(
  paths: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): NodeJS.ProcessEnv {
  if (paths.length === 0) return {};
  const { pid, start, boot } = self();
  if (start === undefined) return {}; // no way to tell this process from a later one with its id
  const outer = claims(env).filter(({ path }) => !paths.includes(path));
  return { [VARIABLE]: JSON.stringify([...outer, ...paths.map((path) => ({ path, pid, start, boot }))]) };
}
