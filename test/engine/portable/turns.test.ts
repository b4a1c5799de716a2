import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { basename } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Grant } from '../../../src/engine/engine.ts';
import { PortableLock } from '../../../src/engine/portable/lock.ts';
import { type FoundClaim, look } from '../../../src/engine/portable/look.ts';
import { Place } from '../../../src/engine/portable/place.ts';
import { portableEngine } from '../../../src/engine/portable/portable.ts';
import { type Step, settingsOf } from '../../../src/engine/portable/settings.ts';
import { removeAbandoned } from '../../../src/engine/portable/take-over.ts';
import { self } from '../../../src/identity/self.ts';
import { contender, unusedLock } from '../harness.ts';
import { deadProcess, leaveClaim } from './stale.ts';

/** What one contender does between two steps of another. The whole of the orders is searched by `breakers.test.ts`. */
describe.each(['file', 'directory'] as const)('between two steps of a contender (lock %s)', (layout) => {
  const engine = portableEngine({ layout });
  const { acquire, isFree } = contender(engine);

  /** An engine that lets others have their turn once, before a step. */
  function interruptedAt(step: Step, turn: () => void) {
    let hadTurn = false;
    const onStep = (next: Step) => {
      if (next !== step || hadTurn) return;
      hadTurn = true;
      turn();
    };
    return portableEngine({ layout, onStep });
  }

  it.each(['publish-reader', 'release'] as const)(
    'a writer that comes before a reader’s step %s finds the lock shared, or about to be [H8, R4]',
    async (step) => {
      const { request } = unusedLock();
      let writer: Grant | undefined;
      let came = false;
      const reader = interruptedAt(step, () => {
        came = true;
        writer = engine.tryAcquire(request());
      });

      const grant = await contender(reader).acquire(request('shared'));

      expect([came, writer]).toEqual([true, undefined]);
      expect(grant.isIntact()).toBe(true);
      expect(await isFree(request())).toBe(false);
    },
  );

  it.each(['publish-reader', 'look-at-gate', 'release', 'take-right'] as const)(
    'a writer that comes when the gate of a reader was removed before its step %s is alone with the lock, or does not get it [X23, H8]',
    (step) => {
      const { request } = unusedLock();
      const { lock } = new Place(request().path);
      let writer: Grant | undefined;
      const reader = interruptedAt(step, () => {
        removeAbandoned(new PortableLock(request(), settingsOf({ layout })), look(lock) as FoundClaim);
        writer = engine.tryAcquire(request());
      });

      const grant = reader.tryAcquire(request('shared'));

      const isShared = step === 'release' || step === 'take-right';
      expect([grant?.isIntact(), writer?.isIntact()]).toEqual(
        isShared ? [true, undefined] : [undefined, step === 'publish-reader' ? true : undefined],
      );
      for (const each of [grant, writer]) each?.release();
      expect(existsSync(lock)).toBe(false);
      expect(engine.inspect(lock).state).toBe('free');
    },
  );

  it('a reader that comes just before the writer’s claim keeps the writer out [H8, R4]', async () => {
    const { request } = unusedLock();
    let reader: Grant | undefined;
    const writer = interruptedAt('publish-claim', () => {
      reader = engine.tryAcquire(request('shared'));
    });

    expect(writer.tryAcquire(request())).toBe(undefined);

    expect(reader?.isIntact()).toBe(true);
    reader?.release();
    await acquire(request());
  });

  it('a writer passes the claims of readers that are proved dead, and leaves nothing of them [R10, H16]', async () => {
    const { request } = unusedLock();
    const place = new Place(request().path);
    mkdirSync(place.readers, { recursive: true });
    for (const reader of ['a', 'b']) {
      leaveClaim(place.readerPath(reader.repeat(32)), layout, deadProcess(), { mode: 'shared' });
    }

    const grant = await acquire(request());

    expect(grant.recovered).toBe(undefined);
    expect(readdirSync(place.queue)).toEqual([basename(place.counter)]);
  });

  it('a breaker that gets the right first keeps it: the other one removes nothing [H8, R46]', () => {
    const { request } = unusedLock();
    const place = new Place(request().path);
    const dead = leaveClaim(place.lock, layout, deadProcess());
    let right = '';
    const breaker = interruptedAt('publish-break', () => {
      right = leaveClaim(place.breakPath(dead), layout, self());
    });

    expect(breaker.tryAcquire(request())).toBe(undefined);

    expect(look(place.lock)).toMatchObject({ token: dead });
    expect(look(place.breakPath(dead))).toMatchObject({ token: right });
  });

  it('a breaker that died is no obstacle, nor is one that died breaking its claim, and nothing of them stays [H8, H16]', async () => {
    const { request } = unusedLock();
    const place = new Place(request().path);
    mkdirSync(place.queue);
    let broken = leaveClaim(place.lock, layout, deadProcess());
    for (let deep = 0; deep < 3; deep++) {
      broken = leaveClaim(place.breakPath(broken), layout, deadProcess());
    }

    const grant = await acquire(request());

    expect(grant.isIntact()).toBe(true);
    expect(readdirSync(place.queue)).toEqual([basename(place.counter)]);
  });

  it('a breaker gives its right back, also when the claim went before it came to remove it [H8, F9]', () => {
    const { request } = unusedLock();
    const place = new Place(request().path);
    leaveClaim(place.lock, layout, deadProcess());
    const breaker = interruptedAt('publish-break', () => engine.tryAcquire(request())?.release());

    breaker.tryAcquire(request())?.release();

    expect(existsSync(place.lock)).toBe(false);
    expect(readdirSync(place.queue)).toEqual([basename(place.counter)]);
  });
});
