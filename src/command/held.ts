import { readFileSync } from 'node:fs';
import type { HolderRecord } from '../identity/holder.ts';
import { processFacts } from '../identity/index.ts';
import { self } from '../identity/self.ts';
import type { Lock } from '../lock/lock.ts';
import { isNestedIn, permitOf } from '../lock/nested.ts';
import { pathInside } from '../lock/outer.ts';
import { type LockInfo, lookIfAllowed } from '../lock/query.ts';
import { whereaboutsOf } from '../lock/same-lock.ts';
import { type Claim, claimHere, isClaim } from './claim.ts';

const VARIABLE = 'HOLDFAST_HELD';

/** The claims in the environment. Anything that is not what `holdfast run` writes counts as absent. */
function claims(env: NodeJS.ProcessEnv): Claim[] {
  try {
    const value: unknown = JSON.parse(env[VARIABLE] ?? '[]');
    return Array.isArray(value) ? value.filter(isClaim) : [];
  } catch {
    return [];
  }
}

/**
 * What is held around this process of the resource with this lock path: the innermost of the holds that are nested in
 * each other, of those that still are.
 *
 * The variable only says where to look: a claim counts when the lock is held now, by the very process it names.
 */
export function claimAround(path: string, env: NodeJS.ProcessEnv = process.env): Claim | undefined {
  const known = claims(env);
  const chain: Claim[] = [];
  for (let at: string | undefined = path; at !== undefined; ) {
    const claim = findClaim(known, at);
    if (claim !== undefined) chain.push(claim);
    const isShared = claim?.mode === 'shared' && claim.permit === undefined;
    at = claim === undefined || isShared ? undefined : pathInside(claim);
  }
  return chain.reverse().find(isTrue);
}

function findClaim(known: readonly Claim[], path: string): Claim | undefined {
  for (const each of known) {
    const claim = claimHere(each, path);
    if (claim !== undefined) return claim;
  }
  return undefined;
}

function isTrue(claim: Claim): boolean {
  if (claim.boot !== processFacts.bootId()) return false;
  const isSeen = claim.closed === true || (claim.mode === 'shared' && claim.permit === undefined);
  return isSeen ? seenHeld(claim) !== undefined : isNestedIn(claim);
}

/**
 * The lock, if it is seen to be held by the process that the claim names: by itself, or, under its name, by processes that
 * inherited the lock from it.
 */
function seenHeld({ path, pid, start }: Claim): LockInfo | undefined {
  const isIt = (holder: HolderRecord) =>
    holder.pid === pid && (holder.start === start || holder.start === undefined);
  const info = lookIfAllowed(path);
  return info?.state !== 'free' && info?.holders.some(isIt) === true ? info : undefined;
}

/**
 * The locks that are held around this process, for a wait that must not become part of a deadlock. One whose holder has
 * ended is held still by those that are nested in it.
 */
export function heldAround(): { readonly path: string; readonly resource: string }[] {
  const resources = new Map<string, string>();
  const known = claims(process.env).filter(({ boot }) => boot === processFacts.bootId());
  for (const claim of known.toReversed()) {
    const isKept = claim.mode === 'exclusive' || claim.permit !== undefined;
    const inside = isKept ? resources.get(pathInside(claim)) : undefined; // inner claims come later
    const resource = seenHeld(claim)?.resource ?? inside;
    if (resource !== undefined) resources.set(claim.path, resource);
  }
  return [...resources].map(([path, resource]) => ({ path, resource })).toReversed();
}

/** The processes that held locks around another process when that was started, by its environment, as far as this one may read it. */
export function holdersAround(pid: number): readonly Pick<Claim, 'pid' | 'start'>[] {
  try {
    const entries = readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0');
    const value = entries.find((entry) => entry.startsWith(`${VARIABLE}=`))?.slice(VARIABLE.length + 1);
    return value === undefined ? [] : claims({ [VARIABLE]: value });
  } catch {
    return []; // gone, somebody else's, or another system
  }
}

/** The variable for a command that runs under these locks, on top of those around this run. */
export function heldVariable(
  locks: readonly { readonly lock: Lock; readonly permits?: number; readonly isOpen: boolean }[],
  env: NodeJS.ProcessEnv = process.env,
): NodeJS.ProcessEnv {
  if (locks.length === 0) return {};
  const { pid, start, boot } = self();
  if (start === undefined) return {}; // no way to tell this process from a later one with its id
  const own = locks.map(({ lock, permits, isOpen }) => {
    const { path } = lock;
    const permit = permitOf(lock);
    const place = whereaboutsOf(path);
    return {
      ...(place === undefined ? {} : { place }),
      ...{ path, pid, start, boot, mode: permit === undefined ? lock.mode : 'shared' },
      ...(permits === undefined ? {} : { permits, permit }),
      ...(isOpen ? {} : { closed: true }),
    };
  });
  const outer = claims(env).filter((claim) => own.every(({ path }) => claimHere(claim, path) === undefined));
  return { [VARIABLE]: JSON.stringify([...outer, ...own]) };
}
