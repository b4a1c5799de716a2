import { existsSync, mkdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { writeCount } from '../../../src/engine/portable/counter.ts';
import { PortableLock } from '../../../src/engine/portable/lock.ts';
import { Place } from '../../../src/engine/portable/place.ts';
import { portableEngine } from '../../../src/engine/portable/portable.ts';
import { type Step, settingsOf } from '../../../src/engine/portable/settings.ts';
import { contender, type UnusedLock, unusedLock } from '../harness.ts';
import { deadProcess, leaveClaim } from './stale.ts';

describe.each(['file', 'directory'] as const)('that a holder died (lock %s)', (layout) => {
  const engine = portableEngine({ layout });
  const { acquire } = contender(engine);
  const dead = deadProcess();

  /** A lock whose exclusive holder died. */
  function lockOfTheDead(): UnusedLock & { readonly place: Place; readonly claim: string } {
    const lock = unusedLock();
    const place = new Place(lock.request().path);
    mkdirSync(place.queue);
    const claim = leaveClaim(place.lock, layout, dead);
    writeCount(new PortableLock(lock.request(), settingsOf({})), 1, claim);
    return { ...lock, place, claim };
  }

  async function isTold({ request }: UnusedLock): Promise<boolean> {
    const grant = await acquire(request());
    grant.release();
    return grant.recovered?.pid === dead.pid;
  }

  it('is told to the next exclusive holder, once [R45]', async () => {
    const lock = lockOfTheDead();

    expect([await isTold(lock), await isTold(lock)]).toEqual([true, false]);
  });

  it('is told also when the one who removed its claim got no further [R45, H16]', async () => {
    const lock = lockOfTheDead();
    const end = new Error('ends here');
    const onStep = (step: Step) => {
      if (step === 'remove-break') throw end;
    };
    expect(() => portableEngine({ layout, onStep }).tryAcquire(lock.request())).toThrow(end);
    expect(existsSync(lock.place.lock)).toBe(false);

    expect([await isTold(lock), await isTold(lock)]).toEqual([true, false]);
  });

  it('is not told of one that died before it was granted anything [R45, H16]', async () => {
    const lock = unusedLock();
    const place = new Place(lock.request().path);
    expect(await isTold(lock)).toBe(false); // so that the counter names somebody else
    leaveClaim(place.lock, layout, dead);

    expect(await isTold(lock)).toBe(false);
  });

  it('is told again as long as the holder who heard it could not be counted [R45, H14]', async () => {
    const lock = lockOfTheDead();
    const reader = await acquire(lock.request('shared'));
    reader.release(); // the claim of the dead is gone, and its news are there
    rmSync(lock.place.counter);
    mkdirSync(lock.place.counter);

    expect(await isTold(lock)).toBe(true);
    expect(await isTold(lock)).toBe(true);
    rmdirSync(lock.place.counter);

    expect([await isTold(lock), await isTold(lock)]).toEqual([true, false]);
  });

  it('is told to nobody where something that is not Holdfast’s stands in its place, which stays [F12]', async () => {
    const lock = lockOfTheDead();
    writeFileSync(lock.place.news, 'precious');

    expect(await isTold(lock)).toBe(false);

    expect(readFileSync(lock.place.news, 'utf8')).toBe('precious');
  });
});
