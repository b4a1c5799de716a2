import type { Degradation } from '../engine/engine.ts';
import { engine, refuseGrant } from '../engine/index.ts';
import { duration } from '../errors/describe.ts';
import { InputError } from '../errors/input-error.ts';
import { DeadlockError, DegradedError, PermitsError } from '../errors/lock-errors.ts';
import type { Holding } from './holding.ts';
import { type Lock, lockOf } from './lock.ts';
import { holdOf } from './own-hold.ts';
import type { Request } from './request.ts';

/**
 * A lock asked for inside a `with` that holds it: given again, or refused, for waiting for oneself never ends. There is
 * one grant, which both have, so it is given again only to who asks for no more than it is.
 *
 * @throws {DeadlockError} without `reentrant`, or it would have to become exclusive. @throws {PermitsError}
 * @throws {ContractError | EngineMismatchError | DegradedError | InputError} it is not what was asked for.
 */
export function again(request: Request, outer: Holding, extra: readonly Degradation[]): Lock {
  refuseWait(request, outer);
  refusePermits(request, outer);
  const { contract, degraded } = outer.grant;
  refuseGrant(request, contract, 'the enclosing with holds it so');
  refuseHoldLimit(request, outer);
  const besides = [...engine.degradationOf(outer.request, contract), ...extra];
  const weaknesses = [...degraded, ...besides].map(({ detail }) => detail);
  if (request.strict && weaknesses.length > 0) throw new DegradedError(request, weaknesses);
  outer.share();
  return lockOf(outer, besides);
}

function refuseWait(request: Request, outer: Holding): void {
  const { mode } = outer.request;
  const facts = { ...request, own: holdOf([outer]) };
  const step = `this very code already holds it (${mode}, from an enclosing with)`;
  if (!request.reentrant) {
    throw new DeadlockError(
      facts,
      [step],
      'Pass reentrant: true to take it again, or use the enclosing lock',
    );
  }
  if (mode === 'shared' && request.mode === 'exclusive') {
    throw new DeadlockError(facts, [step], 'Take it exclusive from the start, or release it first');
  }
}

/** Who has it alone has every permit as well. */
function refusePermits(request: Request, { request: { mode, permits } }: Holding): void {
  if (mode === 'shared' && request.permits !== permits) {
    throw new PermitsError(request, request.permits ?? 0, permits ?? 0);
  }
}

/** A limit that ends the one grant earlier would end it for the enclosing code as well. */
function refuseHoldLimit({ resource, holdLimit }: Request, { request }: Holding): void {
  const limit = request.holdLimit ?? Number.POSITIVE_INFINITY;
  if (holdLimit === undefined || holdLimit >= limit) return;
  const outer = limit === Number.POSITIVE_INFINITY ? 'no limit' : `a limit of ${duration(limit)}`;
  throw new InputError(
    'holdLimit',
    `cannot be ${duration(holdLimit)} where ${JSON.stringify(resource)} is taken again: the enclosing with holds it ` +
      `with ${outer}; set the limit there`,
  );
}
