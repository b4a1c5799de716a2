import type { Contract, EngineName, Terms } from '../engine/engine.ts';
import { engine } from '../engine/index.ts';
import { InputError, shown } from '../errors/input-error.ts';
import { CONTRACTS, ENGINES } from './environment.ts';

/** Which engine decides, and what is accepted of it; for a manager, and for one acquisition. */
export interface TermsOptions {
  /**
   * `auto` (default): the kernel's lock where it is available and proved, else the portable engine, and always the one
   * that others use for this lock already. `kernel`, `portable`: that one, or an error. Environment: HOLDFAST_ENGINE.
   */
  readonly engine?: EngineName | 'auto' | undefined;
  /**
   * The weakest contract that will do; a lock that is available only under a weaker one is refused with `ContractError`.
   * Default `claim`, or `lease` where `lease` is given. Environment: HOLDFAST_REQUIRE.
   */
  readonly require?: Contract | undefined;
  /** How the portable engine lays out its claims: a lock file (default) or a lock directory. Contenders may differ in it. */
  readonly layout?: 'file' | 'directory' | undefined;
  /**
   * Milliseconds. Where the portable engine decides, its lock becomes a lease: a holder that shows no sign of life for
   * one and a half times this long loses it to the next, so two can overlap for a moment. At least 10; choose seconds, for
   * a claim is synced to the disk before it counts, and a lease that is over by then is not granted. Default: none.
   */
  readonly lease?: number | undefined;
  /**
   * Milliseconds: the age at which a portable claim whose record is damaged beyond proof counts as dead. Default 300,000.
   * A claim that says whose it is never ends by age. Environment: HOLDFAST_STALE_AFTER.
   */
  readonly staleAfter?: number | undefined;
}

/** Milliseconds. A shorter one is over before its holder could show that it is alive. */
const SHORTEST_LEASE = 10;
const LAYOUTS: readonly unknown[] = ['file', 'directory'];

/** @throws {InputError} naming the option. */
export function checkTerms(options: TermsOptions): void {
  const { engine, require, layout, lease, staleAfter } = options;
  if (engine !== undefined && !ENGINES.includes(engine)) {
    throw new InputError('engine', `must be 'auto', 'kernel' or 'portable', got ${shown(engine)}`);
  }
  if (require !== undefined && !CONTRACTS.includes(require)) {
    throw new InputError('require', `must be 'kernel', 'claim' or 'lease', got ${shown(require)}`);
  }
  if (layout !== undefined && !LAYOUTS.includes(layout)) {
    throw new InputError('layout', `must be 'file' or 'directory', got ${shown(layout)}`);
  }
  if (lease !== undefined) checkSpan('lease', lease, SHORTEST_LEASE);
  if (staleAfter !== undefined) checkSpan('staleAfter', staleAfter);
  checkTogether(options);
}

/** Whether they go with each other, wherever they come from. @throws {InputError} naming the option. */
export function checkTogether({ engine, require, lease }: TermsOptions): void {
  if (engine === 'portable' && require === 'kernel') {
    throw new InputError('require', "cannot be 'kernel' with engine 'portable'");
  }
  if (engine === 'kernel' && lease !== undefined) {
    throw new InputError('lease', "is for the portable engine, and engine is 'kernel'");
  }
}

function checkSpan(name: string, value: number, least = 0): void {
  const isSpan = typeof value === 'number' && value > 0 && value !== Number.POSITIVE_INFINITY;
  if (!isSpan || value < least) {
    const bound = least === 0 ? 'above 0' : `from ${least} up`;
    throw new InputError(name, `must be a number of milliseconds ${bound}, got ${shown(value)}`);
  }
}

/** The terms that options and defaults come to. */
export function termsFrom(options: TermsOptions, defaults: TermsOptions = {}): Terms {
  const lease = options.lease ?? defaults.lease;
  return {
    engine: options.engine ?? defaults.engine ?? 'auto',
    require: options.require ?? defaults.require ?? (lease === undefined ? 'claim' : 'lease'),
    layout: options.layout ?? defaults.layout,
    lease,
    staleAfter: options.staleAfter ?? defaults.staleAfter,
  };
}

/** Whether any of them is given. */
export function givesTerms({ engine, require, layout, lease, staleAfter }: TermsOptions): boolean {
  return (
    engine !== undefined ||
    require !== undefined ||
    layout !== undefined ||
    lease !== undefined ||
    staleAfter !== undefined
  );
}

/** Every wait ends after this many milliseconds unless told otherwise. */
export const DEFAULT_TIMEOUT = 5_000;
/** The same for a lock on a network drive, where a release is seen by looking and each look takes its time. */
export const NETWORK_TIMEOUT = 30_000;

/** How long a lock at this path is waited for when nobody says. */
export function defaultTimeout(path: string): number {
  return engine.networkDriveOf(path) === undefined ? DEFAULT_TIMEOUT : NETWORK_TIMEOUT;
}
