import { describe, expect, it } from 'vitest';
import { portableEngine } from '../../../src/engine/portable/portable.ts';
import type { Step } from '../../../src/engine/portable/settings.ts';
import { DeadlockError } from '../../../src/errors/lock-errors.ts';
import { contender, expectStillWaiting, granted, unusedLock, upgrading } from '../harness.ts';
import { listReadersAsOld } from './ways.ts';

describe.each(['file', 'directory'] as const)(
  'the portable engine (lock %s), among those who share',
  (layout) => {
    const engine = portableEngine({ layout });
    const { acquire, isFree, wait } = contender(engine);

    it('is not misled by an old listing of a network drive: it costs a writer time, never the readers their lock [R4]', async () => {
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

    it.each(['a writer', 'an upgrade', 'a taker of a permit'] as const)(
      'keeps nobody from the gate while %s waits for readers to leave, and so not when it is stopped either [X23, X22]',
      async (who) => {
        const { request } = unusedLock();
        const permits = who === 'a taker of a permit' ? 2 : undefined;
        const shared = { ...request('shared'), permits };
        const steps: Step[] = [];
        const waiting = contender(portableEngine({ layout, onStep: (step) => steps.push(step) }));
        const first = await waiting.acquire(shared);
        const other = await acquire(shared);
        steps.length = 0;
        const outcome =
          who === 'an upgrade'
            ? upgrading(first).outcome()
            : expectStillWaiting(waiting.wait(who === 'a writer' ? request() : shared));

        await outcome;

        expect(steps).not.toContain('publish-claim');
        expect(engine.inspect(shared.path).holders).toHaveLength(2);
        other.release();
      },
    );

    it('leaves the gate open behind a writer that gives up', async () => {
      const { request } = unusedLock();
      await acquire(request('shared'));
      const writer = wait(request());
      await expectStillWaiting(writer);

      writer.waiting.cancel();

      expect(await isFree(request('shared'))).toBe(true);
    });

    it('has all who share agree on the number of permits, or on none, as long as one of them is there', async () => {
      const { request } = unusedLock();
      const permit = { ...request('shared'), permits: 2 };
      const disagreement = expect.objectContaining({ code: 'HOLDFAST_PERMITS', agreed: 2 });
      const holder = await acquire(permit);

      for (const other of [{ ...permit, permits: 3 }, { ...permit, permits: 1 }, request('shared')]) {
        expect(() => engine.tryAcquire(other)).toThrow(disagreement);
      }
      await acquire(permit);
      expect(engine.tryAcquire(permit)).toBe(undefined);

      expect(holder.isIntact()).toBe(true);
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
      expect(await upgrade.outcome()).toBe('waiting');

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
      expect(await first.outcome()).toBe('waiting');

      expect(await upgrading(younger).ended()).toBeInstanceOf(DeadlockError);
      expect(younger.isIntact()).toBe(true);
      expect(await first.outcome()).toBe('waiting');
      younger.release();

      expect(await first.ended()).toBe('converted');
    });
  },
);
