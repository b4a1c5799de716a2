import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { LockRequest } from '../../../src/engine/engine.ts';
import { portableEngine } from '../../../src/engine/portable/portable.ts';
import { DeadlockError } from '../../../src/errors/lock-errors.ts';
import { someTurns } from '../../support/turns.ts';
import { until } from '../../support/until.ts';
import { contender, expectStillWaiting, granted, unusedLock, upgrading } from '../harness.ts';
import { Peer } from '../peer.ts';
import { listReadersAsOld } from './ways.ts';

const module = new URL('../../fixtures/portable-engines.mjs', import.meta.url);

describe.each(['file', 'directory'] as const)(
  'the portable engine (lock %s), among those who share',
  (layout) => {
    const engine = portableEngine({ layout });
    const { acquire, isFree, wait } = contender(engine);
    const peer = (home: string) => Peer.start({ module, name: `${layout}Engine` }, home);

    it('is not misled by an old listing of a network drive: it costs a writer time, never the readers their lock [H12, R4]', async () => {
      const { request } = unusedLock();
      const reader = await acquire(request('shared'));
      listReadersAsOld();
      expect(engine.tryAcquire(request())).toBe(undefined);
      expect(engine.acquireSync(request(), 30)).toBe(undefined);
      expect(reader.isIntact()).toBe(true);
      reader.release();
      const writer = engine.tryAcquire(request());
      expect(writer?.isIntact()).toBe(true);
      writer?.release();
    });

    it('lets no reader in once a writer waits, and the writer in when the last reader leaves [R4]', async () => {
      const { request } = unusedLock();
      const reader = await acquire(request('shared'));
      const writer = wait(request());
      await expectStillWaiting(writer);
      const late = wait(request('shared'));
      await expectStillWaiting(late);

      reader.release();

      const grant = await granted(writer);
      await expectStillWaiting(late);
      grant.release();
      await granted(late);
    });

    it('leaves the gate open behind a writer that gives up [A15]', async () => {
      const { request } = unusedLock();
      await acquire(request('shared'));
      const writer = wait(request());
      await expectStillWaiting(writer);

      writer.waiting.cancel();

      expect(await isFree(request('shared'))).toBe(true);
    });

    it('is passed by a writer when the reader, or the writer at the gate, was killed [R10, H16]', async () => {
      const { home, request } = unusedLock();
      const [reader, writer] = await Promise.all([peer(home), peer(home)]);
      const own = await acquire(request('shared'));
      await reader.acquire(request('shared'));
      await writer.wait(request());
      await until(() => existsSync(request().path), 'the writer is at the gate');

      await Promise.all([reader.kill(), writer.kill()]);
      own.release();

      expect((await granted(wait(request()))).recovered).toBe(undefined); // nobody was granted it exclusively
    });

    it('gives no more permits than there are, one to each, and that of a dead holder to the next [R10]', async () => {
      const { home, request } = unusedLock();
      const permit: LockRequest = { ...request('shared'), permits: 2 };
      const other = await peer(home);
      const first = await acquire(permit);
      await other.acquire(permit);

      expect(engine.tryAcquire(permit)).toBe(undefined);
      expect(await isFree(request())).toBe(false);
      expect(() => engine.tryAcquire({ ...permit, permits: 3 })).toThrow(
        expect.objectContaining({ code: 'HOLDFAST_PERMITS', agreed: 2 }),
      );
      expect(() => engine.tryAcquire(request('shared'))).toThrow(
        expect.objectContaining({ code: 'HOLDFAST_PERMITS', agreed: 2 }),
      );
      await other.kill();
      const third = await acquire(permit);
      expect(engine.tryAcquire(permit)).toBe(undefined);

      for (const grant of [first, third]) grant.release();
      expect(await isFree(request())).toBe(true);
    });

    it('makes an exclusive lock shared with no instant in between: readers come in, writers do not [R4]', async () => {
      const { request } = unusedLock();
      const grant = await acquire(request());
      const writer = wait(request());
      await expectStillWaiting(writer);

      grant.downgrade();

      expect(engine.inspect(request().path).state).toBe('shared');
      await expectStillWaiting(writer);
      expect(grant.isIntact()).toBe(true);
      grant.release();
      await granted(writer);
    });

    it('makes a shared lock exclusive once the others are gone, before a writer that waited [R4]', async () => {
      const { request } = unusedLock();
      const [grant, reader] = [await acquire(request('shared')), await acquire(request('shared'))];
      const writer = wait(request());
      await expectStillWaiting(writer);
      const upgrade = upgrading(grant);
      await someTurns();
      expect(upgrade.outcome()).toBe('waiting');

      reader.release();

      expect(await upgrade.ended()).toBe('converted');
      expect(engine.inspect(request().path).state).toBe('exclusive');
      await expectStillWaiting(writer);
      expect(grant.token()).toBeGreaterThan(0);
      grant.release();
      await granted(writer);
    });

    it('ends the younger of two upgrades, which shares the lock as before, and then grants the other [R81]', async () => {
      const { request } = unusedLock();
      const [older, younger] = [await acquire(request('shared')), await acquire(request('shared'))];
      const first = upgrading(older);
      await someTurns();

      expect(await upgrading(younger).ended()).toBeInstanceOf(DeadlockError);
      expect(younger.isIntact()).toBe(true);
      expect(first.outcome()).toBe('waiting');
      younger.release();

      expect(await first.ended()).toBe('converted');
    });
  },
);
