import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Grant, LockRequest } from '../../../src/engine/engine.ts';
import { permitsDirectory, slotPath } from '../../../src/engine/file/permits.ts';
import { queueDirectory } from '../../../src/engine/kernel/entry.ts';
import { kernelEngine } from '../../../src/engine/kernel/kernel.ts';
import { syscalls } from '../../../src/engine/kernel/syscalls/index.ts';
import { within } from '../../support/deadline.ts';
import { requestFor } from '../harness.ts';
import { before, besideEvery } from './between.ts';
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

it('a dead one’s permit is left to take while somebody looks at it [R4, R81]', () => {
  const path = newPath();
  const slot = slotPath(path, 0, 1);
  const first = take(path);
  const dead = readFileSync(slot);
  first.release();
  writeFileSync(slot, dead);
  const looker = openSync(slot, 'r');
  onTestFinished(() => closeSync(looker));
  expect(syscalls().lock(looker, 'shared')).toBe(0); // as whoever looks does for an instant
  let shared = 0;
  before(
    'lock',
    () => syscalls().lock(looker, 'none'),
    (_, mode) => mode === 'shared' && ++shared === 2, // the first is that of the lock file
  );

  take(path);
});

it('a permit is counted still when the queue directory is removed by hand [X7]', () => {
  const path = newPath();
  const first = take(path);
  mkdirSync(queueDirectory(path), { recursive: true });
  rmSync(queueDirectory(path), { recursive: true });

  expect(isLeft(path)).toBe(false);
  expect(first.isIntact()).toBe(true);
});

it.each<[string, (path: string) => string]>([
  ['its slot', (path) => slotPath(path, 0, 1)],
  ['the directory in which permits are counted', permitsDirectory],
])('a permit is lost, and says so, when %s is removed by hand [X7]', async (_, placeOf) => {
  const path = newPath();
  const first = take(path);
  const lost = new Promise<void>((resolve) => void first.watchLoss(resolve));
  expect(first.isIntact()).toBe(true);

  rmSync(placeOf(path), { recursive: true });

  expect(first.isIntact()).toBe(false);
  await within(lost, 'waiting to be told of the loss');
  const second = take(path);
  first.release();
  expect(second.isIntact()).toBe(true);
});

it('a lock is never held under two numbers of permits [R4]', () => {
  const path = newPath();
  take(path, 2);

  expect(() => take(path, 3)).toThrow(expect.objectContaining({ code: 'HOLDFAST_PERMITS', agreed: 2 }));

  take(path, 2);
});

describe.each([
  ['who shares the lock', undefined, 2],
  ['who takes a permit', 2, undefined],
])('in whichever gap of one %s', (_, permits, others) => {
  it('another comes who wants it otherwise, never are both granted [X8, R4]', () => {
    const attempt = (path: string, wanted: number | undefined): Grant | undefined => {
      try {
        const grant = kernelEngine.tryAcquire({ ...requestFor(path, 'shared'), permits: wanted });
        if (grant !== undefined) onTestFinished(() => grant.release());
        return grant;
      } catch (error) {
        expect(error).toMatchObject({ code: 'HOLDFAST_PERMITS' });
        return undefined;
      }
    };
    let step = () => {};
    besideEvery(['lock', 'write', 'close'], () => step());
    const outcomes = new Set<string>();

    for (let gap = 1; ; gap++) {
      const path = newPath();
      let calls = 0;
      let other: Grant | undefined;
      step = () => {
        if (++calls === gap) other = attempt(path, others);
      };
      const one = attempt(path, permits);
      step = () => {};
      if (calls < gap) break;
      expect([one, other].filter((grant) => grant !== undefined).length, `in gap ${gap}`).toBeLessThan(2);
      outcomes.add(one !== undefined ? 'the first' : other !== undefined ? 'the other' : 'nobody');
    }

    expect(outcomes).toContain('the first');
    expect(outcomes).toContain('the other');
  });
});
