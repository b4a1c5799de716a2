import { claimAround } from '../../command/held.ts';
import { OnceInsideError } from '../../errors/once-errors.ts';
import type { RunKey } from './run-key.ts';

/** @throws {OnceInsideError} a command that is started again by its own run would wait for itself. */
export function refuseInside({ id, place }: RunKey): void {
  if (claimAround(place.locks.pathOf({ name: place.lock })) !== undefined) throw new OnceInsideError(id);
}
