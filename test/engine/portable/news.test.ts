import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { nestedPath } from '../../../src/engine/nested.ts';
import { writeCount } from '../../../src/engine/portable/counter.ts';
import { PortableLock } from '../../../src/engine/portable/lock.ts';
import { markGranted } from '../../../src/engine/portable/news.ts';
import { Place } from '../../../src/engine/portable/place.ts';
import { abandonClaim, portableEngine } from '../../../src/engine/portable/portable.ts';
import { type Step, settingsOf } from '../../../src/engine/portable/settings.ts';
import { until } from '../../support/until.ts';
import { contender, type UnusedLock, unusedLock, upgrading } from '../harness.ts';
import { intercept, systemError } from './intercept.ts';
import { deadProcess, leaveClaim } from './stale.ts';
import { listReadersAsOld } from './ways.ts';

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

  it('is told also when a person removed its claim [R45, R47]', async () => {
    const lock = lockOfTheDead();
    expect(abandonClaim(lock.place.lock, lock.claim)).toBe('removed');

    expect([await isTold(lock), await isTold(lock)]).toEqual([true, false]);
  });

  it('is not told of one that died before it was granted anything [R45, H16]', async () => {
    const lock = unusedLock();
    const place = new Place(lock.request().path);
    expect(await isTold(lock)).toBe(false); // so that the counter names somebody else
    leaveClaim(place.lock, layout, dead);

    expect(await isTold(lock)).toBe(false);
  });

  /** A lock whose dead holder's claim is gone and whose news are there, and whose counter cannot be written. */
  async function uncounted() {
    const lock = lockOfTheDead();
    const reader = await acquire(lock.request('shared'));
    reader.release();
    rmSync(lock.place.counter);
    mkdirSync(lock.place.counter);
    return lock;
  }

  it('is told once also where no holder can be counted, and nothing stays of it [X16, R45]', async () => {
    const lock = await uncounted();

    expect([await isTold(lock), await isTold(lock)]).toEqual([true, false]);

    expect(readdirSync(lock.place.queue)).toEqual(['token']);
  });

  it('is told of one that could not be counted, once, and not of a mere contender [X16, R45, H16]', async () => {
    const lock = await uncounted();
    const { lock: path } = lock.place;
    await isTold(lock);
    for (const [wasGranted, told] of [
      [true, [true, false]],
      [false, [false, false]],
    ] as const) {
      const token = leaveClaim(path, layout, dead);
      const itself = new PortableLock(lock.request(), settingsOf({}));
      if (wasGranted) expect(markGranted(itself, token)).toBe(true);

      expect([await isTold(lock), await isTold(lock)]).toEqual(told);
      expect(readdirSync(lock.place.queue)).toEqual(['token']);
    }
  });

  it('is told of no holder that shared, or released, where none can be counted [X16, R45]', async () => {
    const lock = await uncounted();
    await isTold(lock);
    const grant = await acquire(lock.request());
    expect(readdirSync(lock.place.queue)).toHaveLength(2);
    grant.downgrade();
    expect(readdirSync(lock.place.queue).filter((name) => name.startsWith('granted'))).toEqual([]);
    grant.release();

    expect(await isTold(lock)).toBe(false);
  });

  it('is told again as long as nothing can say that the holder who heard it was granted the lock [X16, R45, H14]', async () => {
    const lock = await uncounted();
    let isFull = true;
    intercept('openSync', (original) => (path, ...rest) => {
      if (isFull && String(path).includes('/granted.')) throw systemError('ENOSPC');
      return original(path, ...rest);
    });

    expect([await isTold(lock), await isTold(lock)]).toEqual([true, true]);
    isFull = false;
    rmdirSync(lock.place.counter);

    expect([await isTold(lock), await isTold(lock)]).toEqual([true, false]);
  });

  it('is told to nobody where something that is not Holdfast’s stands in its place, which stays [F12]', async () => {
    const lock = lockOfTheDead();
    writeFileSync(lock.place.news, 'precious');

    expect(await isTold(lock)).toBe(false);

    expect(readFileSync(lock.place.news, 'utf8')).toBe('precious');
  });

  /** A lock that is shared, and whose nested lock has the news of a holder that died there. */
  async function sharedAfterNestedDeath() {
    const lock = unusedLock();
    const nested = { ...lock.request(), path: nestedPath(lock.request().path) };
    (await acquire(nested)).release();
    const place = new Place(nested.path);
    mkdirSync(place.queue, { recursive: true });
    writeCount(new PortableLock(nested, settingsOf({})), 2, leaveClaim(place.lock, layout, dead));
    return { lock, place: new Place(lock.request().path), reader: await acquire(lock.request('shared')) };
  }

  it('nested in a lock is told to the next one after an upgrade that heard of it and was given up [X14, X1]', async () => {
    const { lock, reader } = await sharedAfterNestedDeath();
    const drains: Step[] = [];
    const onStep = (step: Step) => step === 'drain' && drains.push(step);
    reader.release();
    const upgrader = await contender(portableEngine({ layout, onStep })).acquire(lock.request('shared'));
    const other = await acquire(lock.request('shared'));
    listReadersAsOld();
    const upgrade = upgrading(upgrader);
    await until(() => drains.length > 3, 'the upgrade is tried again and again');
    upgrade.cancel();
    other.release();
    upgrader.release();

    expect([await isTold(lock), await isTold(lock)]).toEqual([true, false]);
  });

  it('nested in a lock is told to the next one after an upgrade that was refused [X14, X1, X11]', async () => {
    const { lock, reader } = await sharedAfterNestedDeath();
    expect(await upgrading(reader).ended()).toBe('converted');
    expect(reader.recovered?.pid).toBe(dead.pid);

    reader.revert();

    expect(reader.recovered).toBeUndefined();
    expect(reader.isIntact()).toBe(true);
    reader.release();
    expect([await isTold(lock), await isTold(lock)]).toEqual([true, false]);
  });
});
