import { ContractError, EngineMismatchError, UnsupportedError } from '../../errors/lock-errors.ts';
import type { Contract, Engine, EngineName, LockRequest, Terms } from '../engine.ts';
import { kernelEngine, makeInheritedFile } from '../kernel/kernel.ts';
import { isMakeshiftAt, type PortableOptions, portableEngine } from '../portable/portable.ts';
import { siteOf } from './site.ts';
import { kernelIsMissed, kernelIsProved, kernelIsUsable } from './surroundings.ts';

/** What is taken where nobody says anything else. */
export const DEFAULT_TERMS: Terms = {
  engine: 'auto',
  require: 'claim',
  layout: undefined,
  lease: undefined,
  staleAfter: undefined,
};

const STRENGTH: Record<Contract, number> = { lease: 0, claim: 1, kernel: 2 };

export function termsOf({ terms }: LockRequest): Terms {
  return terms ?? DEFAULT_TERMS;
}

/** The engine a request begins with. */
export function chosen(request: LockRequest): EngineName {
  const { engine } = termsOf(request);
  return engine === 'auto' ? siteOf(request.path).domain : engine;
}

/** The common case, which must cost nothing: nothing speaks against the kernel, whose contract does for everybody. */
export function isPlain(request: LockRequest): boolean {
  const { domain, surroundings } = siteOf(request.path);
  return domain === 'kernel' && termsOf(request).engine !== 'portable' && kernelIsUsable(surroundings);
}

/**
 * The engine of this name, as the request wants it.
 *
 * @throws {ContractError} its grants would be worth too little. @throws {UnsupportedError} it has none to give here.
 */
export function usable(request: LockRequest, name: EngineName): Engine {
  const terms = termsOf(request);
  const { surroundings } = siteOf(request.path);
  if (name === 'portable' && mayTakeBack(request)) return portableUnder(terms, 'for the kernel');
  refuseContract(request, contractUnder(terms, name), () => reason(request, name));
  if (name === 'portable') return portableUnder(terms, isMakeshift(request) ? 'makeshift' : 'chosen');
  if (kernelIsUsable(surroundings)) return kernelEngine;
  throw new UnsupportedError(request, `No kernel lock is available here: ${surroundings.exclusion.detail}`);
}

/**
 * Refuses a grant that there is already, where the request wants it of another engine or under a stronger contract.
 *
 * @throws {EngineMismatchError | ContractError}
 */
export function refuseGrant(request: LockRequest, contract: Contract, why: string): void {
  const wanted = termsOf(request).engine;
  const found = contract === 'kernel' ? 'kernel' : 'portable';
  if (wanted !== 'auto' && wanted !== found) throw new EngineMismatchError(request, wanted, found);
  refuseContract(request, contract, () => why);
}

function refuseContract(request: LockRequest, available: Contract, why: () => string): void {
  const required = termsOf(request).require;
  if (STRENGTH[available] >= STRENGTH[required]) return;
  throw new ContractError(request, { required, available, why: why() });
}

/** Why this engine and no other, in words. */
export function reason(request: LockRequest, name: EngineName): string {
  const { prefers, why } = siteOf(request.path).surroundings;
  if (termsOf(request).engine !== 'auto') return `the ${name} engine was asked for`;
  return prefers === name ? why : `other programs lock it with the ${name} engine`;
}

export function contractUnder({ lease }: Terms, name: EngineName): Contract {
  if (name === 'kernel') return 'kernel';
  return lease === undefined ? 'claim' : 'lease';
}

/**
 * Whether the kernel engine gets a lock back that is portable only because programs without a binding used it; see
 * `choice`. Whether it is so, is looked up when its turn comes; for those who insist on the kernel already here, so that they
 * do not wait for what will not come. Not for those who want a claim to be a directory, which no file can take the place of.
 */
export function mayTakeBack(request: LockRequest): boolean {
  const { engine, layout, require } = termsOf(request);
  const insists = engine === 'kernel' || require === 'kernel';
  const { surroundings } = siteOf(request.path);
  return (
    engine !== 'portable' &&
    layout !== 'directory' &&
    kernelIsProved(surroundings) &&
    (!insists || isMakeshiftAt(request.path))
  );
}

function isMakeshift(request: LockRequest): boolean {
  return termsOf(request).engine === 'auto' && kernelIsMissed(siteOf(request.path).surroundings);
}

/** Why a program has the portable engine: it was chosen, no other is available, or only until the kernel has the lock. */
type Part = 'chosen' | 'makeshift' | 'for the kernel';

const PARTS: Record<Part, Pick<PortableOptions, 'makeshift' | 'heir'>> = {
  chosen: {},
  makeshift: { makeshift: true },
  'for the kernel': { heir: { name: 'kernel', makeFile: makeInheritedFile, insist: insistOnKernel } },
};

/** @throws {EngineMismatchError | ContractError} a request that nobody but the kernel engine may serve. */
function insistOnKernel(request: LockRequest): void {
  const terms = termsOf(request);
  if (terms.engine === 'kernel') throw new EngineMismatchError(request, 'kernel', 'portable');
  refuseContract(request, contractUnder(terms, 'portable'), () => reason(request, 'portable'));
}

const portables: Record<Part, WeakMap<Terms, Engine>> = {
  chosen: new WeakMap(),
  makeshift: new WeakMap(),
  'for the kernel': new WeakMap(),
};

function portableUnder(terms: Terms, part: Part = 'chosen'): Engine {
  let engine = portables[part].get(terms);
  if (engine === undefined) {
    const { layout, lease, staleAfter } = terms;
    engine = portableEngine({
      ...PARTS[part],
      ...(layout === undefined ? {} : { layout }),
      ...(lease === undefined ? {} : { lease }),
      ...(staleAfter === undefined ? {} : { staleAfter }),
    });
    portables[part].set(terms, engine);
  }
  return engine;
}

/** The engine for a look from outside, which no terms can change. */
export function engineForLooking(name: EngineName): Engine {
  return name === 'kernel' ? kernelEngine : portableUnder(DEFAULT_TERMS);
}
