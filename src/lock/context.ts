import { AsyncLocalStorage } from 'node:async_hooks';
import { shared } from '../copies/shared.ts';
import type { Holding } from './holding.ts';
import type { HeldElsewhere } from './request.ts';

/** The locks held around the running code, innermost first. */
interface Frame {
  readonly holding: Holding;
  readonly outer: Frame | undefined;
}

const frames = shared('frames', () => new AsyncLocalStorage<Frame>());

/**
 * Runs `body` in a context that is known to hold a lock. Only `with` can do this: a plain `acquire` returns into a
 * context that its siblings share, where the same knowledge would call honest neighbours deadlocked. Work that is detached
 * holds nothing of what is around it.
 */
export function runHolding<T>(holding: Holding, body: () => T): T {
  const outer = holding.request.detached ? undefined : frames.getStore();
  return frames.run({ holding, outer }, body);
}

/** Every lock that encloses the running code and is held, innermost first. */
export function enclosingAll(): readonly HeldElsewhere[] {
  const frame = frames.getStore();
  if (frame === undefined) return NONE;
  const held: HeldElsewhere[] = [];
  for (let at: Frame | undefined = frame; at !== undefined; at = at.outer) {
    if (at.holding.isHeld) held.push(at.holding);
  }
  return held;
}

const NONE: readonly HeldElsewhere[] = [];

/** The holding of the lock at `path` that encloses the running code, while it is held. */
export function enclosing(path: string): Holding | undefined {
  for (let frame = frames.getStore(); frame !== undefined; frame = frame.outer) {
    if (frame.holding.request.path === path && frame.holding.isHeld) return frame.holding;
  }
  return undefined;
}
