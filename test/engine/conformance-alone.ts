import { describe, expect, it } from 'vitest';
import { StoppedClock } from '../support/clock.ts';
import { within } from '../support/deadline.ts';
import { passTime } from '../support/time.mjs';
import { LONG } from '../support/turns.ts';
import {
  contender,
  type EngineHarness,
  expectNoGrant,
  expectStillWaiting,
  granted,
  unusedLock as unusedLockIn,
} from './harness.ts';

/** What every engine keeps to inside one process. */
export function conformanceAlone(name: string, { engine, contract, directory }: EngineHarness): void {
  const unusedLock = () => unusedLockIn(directory?.());
  const { acquire, isFree, wait } = contender(engine);

  describe(`the ${name} engine, in one process [R16]`, () => {
    it('keeps exclusive and shared contenders out of an exclusive lock [R4]', async () => {
      const { request } = unusedLock();
      await acquire(request('exclusive'));

      expect(await engine.tryAcquire(request('exclusive'))).toBe(undefined);
      expect(await engine.tryAcquire(request('shared'))).toBe(undefined);
    });

    it('admits shared contenders to a shared lock and keeps exclusive ones out [R4]', async () => {
      const { request } = unusedLock();
      const first = await acquire(request('shared'));
      const second = await acquire(request('shared'));

      expect(await isFree(request('exclusive'))).toBe(false);
      await first.release();
      expect(await isFree(request('exclusive'))).toBe(false);
      await second.release();
      expect(await isFree(request('exclusive'))).toBe(true);
    });

    it('gives a wait nothing while the lock is held, and the lock after its release [R7, R9]', async () => {
      const { request } = unusedLock();
      const holder = await acquire(request());
      const started = wait(request());
      await expectStillWaiting(started);

      await holder.release();

      const grant = await granted(started);
      expect(grant.contract).toBe(contract);
      expect(await isFree(request('shared'))).toBe(false);
    });

    it('never calls back from inside the call that starts a wait, also when the lock is free', async () => {
      const { request } = unusedLock();

      const started = wait(request());
      const overAtOnce = started.isOver();
      await granted(started);

      expect(overAtOnce).toBe(false);
    });

    it('leaves nothing of a cancelled wait: no late grant, and the lock is free after its holder [X57]', async () => {
      const { request } = unusedLock();
      const holder = await acquire(request());
      const started = wait(request());
      await expectStillWaiting(started);

      started.waiting.cancel();
      started.waiting.cancel();
      expect(await isFree(request())).toBe(false); // the holder was not disturbed
      await holder.release();

      const successor = await acquire(request());
      await expectNoGrant(started);
      await successor.release();
      expect(await isFree(request())).toBe(true);
    });

    it('grants nothing to a wait that is cancelled before it could try once', async () => {
      const { request } = unusedLock();
      const started = wait(request());

      started.waiting.cancel();

      await expectNoGrant(started);
      expect(await isFree(request())).toBe(true);
    });

    it('lets the other waiters pass one that was cancelled [R7]', async () => {
      const { request } = unusedLock();
      const holder = await acquire(request());
      const [first, second] = [wait(request()), wait(request())];
      await expectStillWaiting(first);

      first.waiting.cancel();
      await holder.release();

      await granted(second);
    });

    it('gives every exclusive grant a greater token than the one before it', async () => {
      const { request } = unusedLock();
      const tokens: number[] = [];
      for (let turn = 0; turn < 50; turn++) {
        const grant = await acquire(request());
        tokens.push(grant.token() as number);
        await grant.release();
      }

      expect(tokens.every((token) => Number.isSafeInteger(token) && token > 0)).toBe(true);
      expect(tokens).toEqual([...new Set(tokens)].sort((a, b) => a - b));
    });

    it('counts tokens also for grants whose token nobody asked for', async () => {
      const { request } = unusedLock();
      const first = await acquire(request());
      const before = first.token() as number;
      await first.release();
      const silent = await acquire(request());
      await silent.release();

      const last = await acquire(request());

      expect(last.token()).toBeGreaterThan(before + 1);
      expect(last.token()).toBe(last.token());
    });

    it('shows a shared grant the token of the last exclusive one', async () => {
      const { request } = unusedLock();
      const writer = await acquire(request());
      const token = writer.token();
      await writer.release();

      expect((await acquire(request('shared'))).token()).toBe(token);
    });

    it('releases its own grant only, and only once [F9, F11]', async () => {
      const { request } = unusedLock();
      const first = await acquire(request());
      await first.release();
      const second = await acquire(request());

      await first.release();

      expect(await isFree(request())).toBe(false);
      expect(await second.isIntact()).toBe(true);
      await second.release();
      expect(await isFree(request())).toBe(true);
    });

    it('keeps a shared grant when another one of the same lock is released twice [F9]', async () => {
      const { request } = unusedLock();
      const [first, second] = [await acquire(request('shared')), await acquire(request('shared'))];

      await first.release();
      await first.release();

      expect(await isFree(request('exclusive'))).toBe(false);
      expect(await second.isIntact()).toBe(true);
    });

    it('keeps the locks of different paths apart', async () => {
      const [one, other] = [unusedLock(), unusedLock()];
      await acquire(one.request());

      expect(await isFree(other.request())).toBe(true);
    });

    it('says of an ordinary grant that nothing about it is degraded', async () => {
      const { request } = unusedLock();

      const writer = await acquire(request());
      expect(writer.degraded).toEqual([]);
      await writer.release();
      expect((await acquire(request('shared'))).degraded).toEqual([]);
    });

    it('does not call a grant recovered that follows on a release', async () => {
      const { request } = unusedLock();
      await (await acquire(request())).release();

      expect((await acquire(request())).recovered).toBe(undefined);
    });

    it('acquires synchronously what is free, and gives up in time on what is not [F8, F11]', async () => {
      const { request } = unusedLock();
      const grant = engine.acquireSync(request(), 0);

      const clock = new StoppedClock();
      clock.passInSleep();
      const started = performance.now();
      expect(engine.acquireSync(request(), 0)).toBe(undefined);
      expect(performance.now() - started).toBe(0);
      expect(engine.acquireSync(request('shared'), 30)).toBe(undefined);
      expect(performance.now() - started).toBeCloseTo(30);

      grant?.release();
      expect(await isFree(request())).toBe(true);
    });

    it('inspects a lock without taking it: free, exclusive, shared, and by whom [G12]', async () => {
      const { request } = unusedLock();
      const { path } = request();
      expect(engine.inspect(path)).toMatchObject({ state: 'free', holders: [] });

      const before = Date.now();
      const writer = await acquire({ ...request(), purpose: 'nightly save' });
      const after = Date.now();
      const seen = engine.inspect(path);
      expect(seen).toMatchObject({ state: 'exclusive', name: 'mirror' });
      expect(seen.holders).toMatchObject([{ pid: process.pid, purpose: 'nightly save' }]);
      const since = Date.parse(seen.holders[0]?.since ?? '');
      expect(before <= since && since <= after, `${before} <= ${since} <= ${after}`).toBe(true);
      await writer.release();
      expect(engine.inspect(path)).toMatchObject({ state: 'free', holders: [] });

      await acquire({ ...request('shared'), purpose: 'reader one' });
      await acquire({ ...request('shared'), purpose: 'reader two' });
      const { state, holders } = engine.inspect(path);
      expect(state).toBe('shared');
      expect(holders.map(({ purpose }) => purpose).sort()).toEqual(['reader one', 'reader two']);
    });

    it('names nobody who asked not to be named [R68]', async () => {
      const { request } = unusedLock();
      await acquire({ ...request(), anonymous: true, purpose: undefined });

      const { state, holders } = engine.inspect(request().path);

      expect(state).toBe('exclusive');
      for (const { user, command } of holders) expect([user, command]).toEqual([undefined, undefined]);
    });

    it('tells once when a lock is free, and nothing after it was told to stop', async () => {
      const { request } = unusedLock();
      const holder = await acquire(request());
      let stopped = 0;
      engine.untilFree(
        request().path,
        () => stopped++,
        () => stopped++,
      )();
      let told = 0;
      const free = new Promise<void>((resolve, reject) => {
        engine.untilFree(
          request().path,
          () => {
            told++;
            resolve();
          },
          reject,
        );
      });
      await passTime(LONG);
      expect(told).toBe(0);

      await holder.release();
      await within(free, 'waiting for the lock to be seen free');

      await acquire(request());
      await passTime(LONG);
      expect([told, stopped]).toEqual([1, 0]);
    });
  });
}
