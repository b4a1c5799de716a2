import { EngineMismatchError } from '../../errors/lock-errors.ts';
import { describeFileSystem, localLockOption } from '../../storage/file-system/index.ts';
import { performance } from '../../time/time.ts';
import { trace } from '../../trace/trace.ts';
import type {
  Contract,
  Degradation,
  Engine,
  EngineName,
  Inspection,
  LockRequest,
  Waiting,
  WaitOutcome,
} from '../engine.ts';
import { kernelEngine } from '../kernel/kernel.ts';
import { ChoosingWait, MOST_CHANGES } from './choosing-wait.ts';
import { warnOfPackaging } from './packaging.ts';
import {
  chosen,
  contractUnder,
  DEFAULT_TERMS,
  engineForLooking,
  isPlain,
  mayTakeBack,
  reason,
  termsOf,
  usable,
} from './route.ts';
import { engineToAsk, siteOf } from './site.ts';
import { kernelIsUsable, noWayToKernel, surroundingsOf } from './surroundings.ts';

/** Milliseconds between two looks on a network drive, at most: each of them asks the server. */
const NETWORK_POLL_INTERVAL = 250;
const NONE: readonly Degradation[] = [];

/** The engine for a request under its terms; every other member as `Engine` has it, of the engine that is in use. */
export interface Choice extends Omit<Engine, 'contract' | 'leftovers'> {
  inspect(path: string): Inspection & { readonly contract: Contract };
  /** The engine that is in use at a path. */
  engineAt(path: string): EngineName;
  /** What a grant for this request is, or would be, worth. */
  contractOf(request: LockRequest): Contract;
  /** In which ways a grant is weaker than usual because of where the lock lies. */
  degradationOf(request: LockRequest, granted: Contract): readonly Degradation[];
  /** The network drive the lock lies on, in words; undefined where other machines have no part in it. */
  networkDriveOf(path: string): string | undefined;
}

/**
 * Chooses an engine for each request, such that all contenders of one path meet in one domain.
 *
 * The lock path itself is the record of the choice: a permanent file of the kernel engine, or a claim of the portable
 * one, each put there by an atomic create, and refused by the other engine with `EngineMismatchError` instead of a grant.
 * So which contender chooses what decides about errors, never about exclusion. Trace (K would choose kernel, P portable):
 *  1. Nothing there. K and P both try: one create is first, and the path is that engine's.
 *  2. K was first: its file is permanent. P meets it; under `auto`, where the kernel's lock works, it follows. Else error.
 *  3. P was first: K meets the claim, or P's readers, and follows: both are portable.
 *  4. P releases; its claim is gone, its counter stays beside the lock, and a newcomer that finds no lock file follows
 *     that. K, which follows since 3, stays. Another K that looked before 3 and acts only now makes the kernel's file:
 *     from now on, as 2.
 *  5. A waiter whose domain ends (4) meets the other one's file at its next try, and moves over. It loses its place.
 *  Each step is one engine's attempt; whoever dies or is stopped between two of them holds nothing.
 *  6. At 3, P had no choice: its program lacks the binding. K, which waits as a portable contender, does not become the
 *     holder when its turn comes and no reader is left: it passes the path on to the kernel (see `passOn`), at a moment in
 *     which nobody holds the lock. From now on, as 2, with the error for P: it says what P's program lacks. Only where the
 *     kernel's lock is proved and no other machine takes part, and only while the counter has it on record that the
 *     portable engine never granted the lock to anybody who could choose.
 *  A kernel's file is never removed, so nobody changes more than twice, unless somebody deletes it: see MOST_CHANGES.
 */
export const choice: Choice = {
  tryAcquire(request) {
    if (isPlain(request)) {
      try {
        return kernelEngine.tryAcquire(request);
      } catch (error) {
        if (!(error instanceof EngineMismatchError)) throw error; // else it is met again below, and followed
      }
    }
    return settle(request, (name) => usable(request, name).tryAcquire(request));
  },

  lookPast: (request) => settle(request, (name) => usable(request, name).lookPast(request)),

  wait(request, outcome) {
    const patient = onNetwork(request);
    const start = (name: EngineName, told: WaitOutcome): Waiting => usable(patient, name).wait(patient, told);
    return settle(patient, (name) => new ChoosingWait(name, { request: patient, outcome, start, follow }));
  },

  acquireSync(request, timeout, poll) {
    const patient = onNetwork(request);
    const due = performance.now() + timeout;
    const left = () => Math.max(0, due - performance.now());
    return settle(patient, (name) => usable(patient, name).acquireSync(patient, left(), poll));
  },

  isContended: (path) => inUse(path).isContended(path),
  noteWait: (path, note, held) => inUse(path).noteWait(path, note, held),
  waitsOf: (path) => inUse(path).waitsOf(path),
  untilFree: (path, onFree, onError) => inUse(path).untilFree(path, onFree, onError),

  inspect(path) {
    const engine = inUse(path);
    return { contract: engine.contract, ...engine.inspect(path) };
  },

  carriers: (path) => inUse(path).carriers(path),
  admits: (path, outer) => inUse(path).admits(path, outer),
  engineAt: engineToAsk,

  contractOf: (request) => contractUnder(termsOf(request), chosen(request)),

  degradationOf(request, granted) {
    const { fileSystem } = siteOf(request.path).surroundings;
    if (granted === 'kernel') return fileSystem.reach === 'network' ? unproved(request.path) : NONE;
    if (termsOf(request).engine === 'portable') return NONE;
    const detail = `locked by the portable engine (contract ${granted}), because ${reason(request, 'portable')}`;
    warnOfPackaging(siteOf(request.path).surroundings, detail);
    return [{ reason: 'no-kernel-lock', path: request.path, detail }];
  },

  networkDriveOf(path) {
    const { fileSystem } = siteOf(path).surroundings;
    return fileSystem.reach === 'network' ? describeFileSystem(fileSystem) : undefined;
  },
};

/** Which engine a lock in this directory gets where nothing is said, what its grants are worth, and why. */
export function explainChoice(directory: string): {
  readonly engine: EngineName;
  readonly contract: Contract;
  readonly why: string;
} {
  const { prefers, why } = surroundingsOf(directory);
  return { engine: prefers, contract: contractUnder(DEFAULT_TERMS, prefers), why };
}

/** Acts with the chosen engine, and with another when it meets that one's domain. */
function settle<T>(request: LockRequest, act: (name: EngineName) => T): T {
  let name = chosen(request);
  for (let changes = 0; ; changes++) {
    try {
      return act(name);
    } catch (error) {
      const next = changes < MOST_CHANGES ? follow(request, error) : undefined;
      if (next === undefined) throw error;
      name = next;
    }
  }
}

/**
 * The engine to go on with after an error; undefined when the error stands.
 *
 * @throws {EngineMismatchError} the kernel's, and this program has no way to it.
 */
function follow(request: LockRequest, error: unknown): EngineName | undefined {
  if (!(error instanceof EngineMismatchError)) return undefined;
  const { engine } = termsOf(request);
  const site = siteOf(request.path);
  const { found, wanted } = error;
  if (found === 'kernel' && engine === 'auto' && !kernelIsUsable(site.surroundings)) {
    throw new EngineMismatchError(request, wanted, found, noWayToKernel(site.surroundings));
  }
  if (engine === 'kernel' && found === 'portable') return mayTakeBack(request) ? found : undefined;
  if (engine !== 'auto' && engine !== found) return undefined;
  trace?.(request.path, `belongs to the ${found} engine, which is asked now`);
  site.domain = found;
  return found;
}

function onNetwork(request: LockRequest): LockRequest {
  if (request.pollInterval !== undefined || choice.networkDriveOf(request.path) === undefined) return request;
  return { ...request, pollInterval: NETWORK_POLL_INTERVAL };
}

function inUse(path: string): Engine {
  return engineForLooking(engineToAsk(path));
}

function unproved(path: string): readonly Degradation[] {
  const { fileSystem } = siteOf(path).surroundings;
  const option = localLockOption(fileSystem);
  const worth =
    option === undefined
      ? 'other machines are kept out only as far as the server sees to it'
      : `its mount option ${option} keeps the lock on this machine, so other machines are not kept out`;
  const detail = `the lock lies on ${describeFileSystem(fileSystem)}: ${worth}`;
  return [{ reason: 'network-drive', path, detail }];
}
