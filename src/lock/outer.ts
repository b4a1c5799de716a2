import type { Mode, Outer } from '../engine/engine.ts';
import { nestedPath } from '../engine/nested.ts';
import type { Target } from './resource.ts';

/** A lock that is held around a request for the same resource. */
export interface OuterHold extends Outer {
  /** The lock that is held: that of the resource, or a nested one. */
  readonly path: string;
  readonly mode: Mode;
}

const outer = Symbol('outer hold');

/**
 * The target as it is taken inside of a hold: under an exclusive one, or under a permit, by the nested lock, and together
 * with a shared one. A permit is taken alone among its siblings, whatever is asked for, for there is one to share in.
 * The grant counts only if `isKeptIn` says so afterwards.
 */
export function nestedIn(target: Target, hold: OuterHold): Target {
  return Object.assign(typeof target === 'string' ? { name: target } : { ...target }, { [outer]: hold });
}

export function outerOf(target: unknown): OuterHold | undefined {
  if (typeof target !== 'object' || target === null) return undefined;
  return (target as { [outer]?: OuterHold })[outer];
}

/** The target as it is taken anywhere else. */
export function unnested(target: Target): Target {
  return Object.assign({ ...(target as Exclude<Target, string>) }, { [outer]: undefined });
}

/** Where the lock lies that is taken inside of a hold. */
export function pathInside({ path, mode, permit }: OuterHold): string {
  if (permit !== undefined) return nestedPath(permit.by);
  return mode === 'exclusive' ? nestedPath(path) : path;
}

/** Whether what is taken inside of a hold is a share in the very lock that the hold shares. */
export function isSharedAgain({ mode, permit }: OuterHold): boolean {
  return mode === 'shared' && permit === undefined;
}
