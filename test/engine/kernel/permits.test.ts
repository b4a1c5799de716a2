import { existsSync } from 'node:fs';
import { expect, it, onTestFinished } from 'vitest';
import type { Grant, LockRequest } from '../../../src/engine/engine.ts';
import { kernelEngine } from '../../../src/engine/kernel/kernel.ts';
import { slotPath } from '../../../src/engine/kernel/permit-slots.ts';
import { requestFor } from '../harness.ts';
import { before } from './between.ts';
import { newPath } from './counters.ts';

const request = (path: string, permits: number): LockRequest => ({ ...requestFor(path, 'shared'), permits });

function take(path: string, permits = 1): Grant {
  const grant = kernelEngine.tryAcquire(request(path, permits));
  if (grant === undefined) throw new Error('Every permit is taken');
  onTestFinished(() => grant.release());
  return grant;
}

const isLeft = (path: string) => kernelEngine.tryAcquire(request(path, 1)) !== undefined;

it('a permit that is given back while another contender is about to lock it is one, not two [X56, R4]', () => {
  const path = newPath();
  const first = take(path);
  before(
    'lock',
    () => first.release(),
    (_, mode) => mode === 'exclusive',
  );

  take(path);

  expect(isLeft(path)).toBe(false);
});

it('a look at a permit that was given back in that instant does not remove the next holder’s [R4, H9]', () => {
  const path = newPath();
  const first = take(path);
  before(
    'lock',
    () => {
      first.release();
      take(path);
    },
    (_, mode) => mode === 'exclusive',
  );

  kernelEngine.inspect(path);

  expect(existsSync(slotPath(path, 0, 1))).toBe(true);
  expect(isLeft(path)).toBe(false);
});

it('a lock is never held under two numbers of permits [R4]', () => {
  const path = newPath();
  take(path, 2);

  expect(() => take(path, 3)).toThrow(expect.objectContaining({ code: 'HOLDFAST_PERMITS', agreed: 2 }));

  take(path, 2);
});
