import { linkSync, mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { Place } from '../../../src/engine/portable/place.ts';
import { portableEngine } from '../../../src/engine/portable/portable.ts';
import { type UnusedLock, unusedLock } from '../harness.ts';

const DAY = 86_400_000;
const engine = portableEngine();

function nextToken({ request }: UnusedLock): number {
  const grant = engine.tryAcquire(request());
  const token = grant?.token();
  grant?.release();
  return Number(token);
}

/** The wall clock stands still from now on until the test is over, or until it is moved. */
function stopWallClock(): void {
  vi.useFakeTimers({ toFake: ['Date'] });
  onTestFinished(() => void vi.useRealTimers());
}

describe('the tokens of a lock rise', () => {
  it.each([
    ['lost', (path: string) => rmSync(path)],
    ['emptied', (path: string) => truncateSync(path)],
    ['torn', (path: string) => truncateSync(path, 60)],
    [
      'overwritten in part',
      (path: string) => writeFileSync(path, 'holdfast-token 1\ntoken 0', { flag: 'r+' }),
    ],
  ])('also after the file that counts them was %s [H15, H16]', (_how, damage) => {
    stopWallClock();
    const lock = unusedLock();
    const tokens = [nextToken(lock), nextToken(lock)];
    vi.setSystemTime(Date.now() + 1); // two tokens of one tick differ by the file alone

    damage(new Place(lock.request().path).counter);

    expect(nextToken(lock)).toBeGreaterThan(Math.max(...tokens));
  });

  it('also within one tick of the clock, and when it is set back [H22]', () => {
    stopWallClock();
    const lock = unusedLock();
    const tokens = [nextToken(lock), nextToken(lock)];
    vi.setSystemTime(Date.now() - DAY);
    tokens.push(nextToken(lock), nextToken(lock));

    expect(tokens).toEqual([...new Set(tokens)].sort((a, b) => a - b));
  });
});

it('an empty file that has another name elsewhere is no counter, and stays empty [H18, F12]', () => {
  const { home, request } = unusedLock();
  const [elsewhere, place] = [join(home, 'thesis.tex'), new Place(request().path)];
  writeFileSync(elsewhere, '');
  mkdirSync(place.queue);
  linkSync(elsewhere, place.counter);

  const grant = engine.tryAcquire(request());

  expect(grant?.degraded).toMatchObject([{ reason: 'foreign-content', path: place.counter }]);
  expect(grant?.token()).toBe(undefined);
  grant?.release();
  expect(readFileSync(elsewhere, 'utf8')).toBe('');
});
