import { describe, expect, it } from 'vitest';
import { within } from '../support/deadline.ts';
import { until, untilStopped } from '../support/until.ts';
import {
  contender,
  type EngineHarness,
  expectStillWaiting,
  granted,
  unusedLock as unusedLockIn,
} from './harness.ts';
import { type EngineSource, Peer } from './peer.ts';

/** What every engine keeps to between processes. */
export function conformanceBetweenProcesses(
  name: string,
  { engine, directory }: EngineHarness,
  elsewhere: EngineSource,
): void {
  const unusedLock = () => unusedLockIn(directory?.());
  const { acquire, isFree, wait } = contender(engine);
  const peers = (home: string, count: number) =>
    Promise.all(Array.from({ length: count }, () => Peer.start(elsewhere, home)));

  describe(`the ${name} engine, between processes [R16]`, () => {
    it('keeps exclusive and shared contenders out of an exclusive lock [R4, C2]', async () => {
      const { home, request } = unusedLock();
      const [peer] = (await peers(home, 1)) as [Peer];
      await peer.acquire(request('exclusive'));

      expect(await isFree(request('exclusive'))).toBe(false);
      expect(await isFree(request('shared'))).toBe(false);
      await peer.release();
      expect(await isFree(request('exclusive'))).toBe(true);
    });

    it('admits shared contenders to a shared lock and keeps exclusive ones out [R4]', async () => {
      const { home, request } = unusedLock();
      const [peer] = (await peers(home, 1)) as [Peer];
      await peer.acquire(request('shared'));

      expect(await isFree(request('shared'))).toBe(true);
      expect(await isFree(request('exclusive'))).toBe(false);
      await peer.release();
      expect(await isFree(request('exclusive'))).toBe(true);
    });

    it('grants waits of other processes one after another, each after a release [R7]', async () => {
      const { home, request } = unusedLock();
      const [first, second] = (await peers(home, 2)) as [Peer, Peer];
      const holder = await acquire(request());
      await Promise.all([first.wait(request()), second.wait(request())]);
      await holder.release();

      const winner = await Promise.race([
        first.granted().then(() => first),
        second.granted().then(() => second),
      ]);
      const loser = winner === first ? second : first;
      expect(await loser.tryAcquire(request(), 'another')).toBe(undefined);
      await winner.release();

      await loser.granted();
      expect(await isFree(request('shared'))).toBe(false);
    });

    it('grants the waits of all readers together after a writer released [R4]', async () => {
      const { home, request } = unusedLock();
      const readers = await peers(home, 3);
      const writer = await acquire(request());
      await Promise.all(readers.map((reader) => reader.wait(request('shared'))));

      await writer.release();

      await Promise.all(readers.map((reader) => reader.granted()));
    });

    it('grants a wait after kill -9 of the holder and reports it recovered, exactly once [R10, R45]', async () => {
      const { home, request } = unusedLock();
      const [peer] = (await peers(home, 1)) as [Peer];
      await peer.acquire({ ...request(), purpose: 'half-done work' });
      const started = wait(request());
      await expectStillWaiting(started);

      await peer.kill();

      const grant = await granted(started);
      expect(grant.recovered).toMatchObject({ pid: peer.pid, purpose: 'half-done work' });
      await grant.release();
      expect((await acquire(request())).recovered).toBe(undefined);
    });

    it('keeps the news of a dead holder for the next exclusive grant when readers come first [R45]', async () => {
      const { home, request } = unusedLock();
      const [peer] = (await peers(home, 1)) as [Peer];
      await peer.acquire(request());
      await peer.kill();

      const reader = await acquire(request('shared'));
      expect(reader.recovered).toBe(undefined);
      await reader.release();

      expect((await acquire(request())).recovered).toMatchObject({ pid: peer.pid });
    });

    it('tells the next exclusive holder of a death whose news a grant was given that was declined [X14]', async () => {
      const { home, request } = unusedLock();
      const [peer] = (await peers(home, 1)) as [Peer];
      await peer.acquire({ ...request(), purpose: 'half-done work' });
      await peer.kill();

      const declined = await acquire(request());
      declined.decline();
      (await acquire(request('shared'))).release();
      const told = await acquire(request());
      expect(told.recovered).toMatchObject({ pid: peer.pid, purpose: 'half-done work' });
      expect(told.recovered?.since).toBe(declined.recovered?.since);
      if (told.token() !== undefined) expect(told.token()).toBeGreaterThan(declined.token() ?? 0);
      told.release();

      const quiet = await acquire(request());
      expect(quiet.recovered).toBe(undefined);
      quiet.decline();
      expect((await acquire(request())).recovered).toBe(undefined);
    });

    it('does not call a grant recovered that follows on a reader killed by kill -9 [R10]', async () => {
      const { home, request } = unusedLock();
      const [peer] = (await peers(home, 1)) as [Peer];
      await peer.acquire(request('shared'));
      const started = wait(request());
      await expectStillWaiting(started);

      await peer.kill();

      expect((await granted(started)).recovered).toBe(undefined);
      expect(engine.inspect(request().path).holders).toMatchObject([{ pid: process.pid }]);
    });

    it('passes over a waiter that was killed [R81]', async () => {
      const { home, request } = unusedLock();
      const [doomed, patient] = (await peers(home, 2)) as [Peer, Peer];
      const holder = await acquire(request());
      await doomed.wait(request());
      await patient.wait(request());

      await doomed.kill();
      await holder.release();

      expect((await patient.granted()).recovered).toBe(undefined);
    });

    it('leaves a stopped holder its lock [R11]', async () => {
      const { home, request } = unusedLock();
      const [peer] = (await peers(home, 1)) as [Peer];
      await peer.acquire(request());
      peer.signal('SIGSTOP');
      await untilStopped(peer.pid);
      const started = wait(request());

      await expectStillWaiting(started);
      expect(await isFree(request('shared'))).toBe(false);
      peer.signal('SIGCONT');
      await peer.release();

      await granted(started);
    });

    it('lets tokens rise across processes and crashes', async () => {
      const { home, request } = unusedLock();
      const crowd = await peers(home, 3);
      const tokens: (number | undefined)[] = [];
      for (const peer of crowd) {
        tokens.push((await peer.acquire(request())).token);
        await peer.release();
        tokens.push((await peer.acquire(request())).token);
        await peer.kill();
        const own = await acquire(request());
        tokens.push(own.token());
        await own.release();
      }

      const known = tokens.filter((token) => token !== undefined);
      expect(known).toHaveLength(9);
      expect(known).toEqual([...new Set(known)].sort((a, b) => a - b));
    });

    it('waits synchronously for another process and gets the lock on its release [R9]', async () => {
      const { home, request } = unusedLock();
      const [peer] = (await peers(home, 1)) as [Peer];
      const holder = await acquire(request());
      const waiting = peer.acquireSync(request(), Number.POSITIVE_INFINITY);
      await until(() => engine.inspect(request().path).waiters.length === 1, 'the peer waits');

      await holder.release();

      expect(await waiting).toMatchObject({ degraded: [] });
      expect(await isFree(request('shared'))).toBe(false);
    });

    it('names the holders of other processes, and none that are dead [G12, R45]', async () => {
      const { home, request } = unusedLock();
      const [one, other] = (await peers(home, 2)) as [Peer, Peer];
      await one.acquire({ ...request(), purpose: 'save' });
      const { path } = request();
      expect(engine.inspect(path)).toMatchObject({
        state: 'exclusive',
        holders: [{ pid: one.pid, purpose: 'save' }],
      });
      await one.release();

      await one.acquire(request('shared')); // not both at once: a try gives up on a reader that is stopped at the gate
      await other.acquire(request('shared'));
      const pids = () =>
        engine
          .inspect(path)
          .holders.map(({ pid }) => pid ?? 0)
          .sort((a, b) => a - b);
      expect(pids()).toEqual([one.pid, other.pid].sort((a, b) => a - b));
      await one.kill();
      expect(pids()).toEqual([other.pid]);
      await other.kill();
      expect(engine.inspect(path)).toMatchObject({ state: 'free', holders: [] });
    });

    it('sees a lock become free when its holder is killed [R10]', async () => {
      const { home, request } = unusedLock();
      const [peer] = (await peers(home, 1)) as [Peer];
      await peer.acquire(request());
      const free = new Promise<void>((resolve, reject) => {
        engine.untilFree(request().path, resolve, reject);
      });

      await peer.kill();

      await within(free, 'waiting for the lock to be seen free');
    });
  });
}
