import { linkSync, readdirSync, rmSync, unlinkSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Engine, Grant, LockRequest } from '../../../src/engine/engine.ts';
import { Contender } from '../../../src/engine/portable/contender.ts';
import { lookingAt } from '../../../src/engine/portable/inspect.ts';
import { PortableLock } from '../../../src/engine/portable/lock.ts';
import { type FoundClaim, look } from '../../../src/engine/portable/look.ts';
import { Place } from '../../../src/engine/portable/place.ts';
import { portableEngine } from '../../../src/engine/portable/portable.ts';
import { type Step, settingsOf } from '../../../src/engine/portable/settings.ts';
import { removeAbandoned } from '../../../src/engine/portable/take-over.ts';
import { self } from '../../../src/identity/self.ts';
import { contender, unusedLock } from '../harness.ts';
import { intercept, interceptShowing, meant, systemError } from './intercept.ts';
import { deadProcess, leaveClaim, replaceClaim } from './stale.ts';

const NOBODY = '';

function tokenAt(path: string): string {
  return claimAt(path)?.token ?? NOBODY;
}

function claimAt(path: string): FoundClaim | undefined {
  const found = look(path);
  return found.kind === 'claim' ? found : undefined;
}

/** What removals leave in the queue directory while they are at it. */
function leftIn(path: string): string[] {
  return readdirSync(new Place(path).queue).filter((name) => /^(break|gone|new)/.test(name));
}

/** Has others come in just before the one call that takes a claim away from a path, after all that was looked at. */
function beforeRemovalFrom(path: string, others: () => void): { came: boolean } {
  const seen = { came: false };
  const meet = (from: unknown) => {
    if (meant(from) !== path || seen.came) return;
    seen.came = true;
    others();
  };
  intercept('unlinkSync', (original) => (from) => {
    meet(from);
    original(from);
  });
  intercept('renameSync', (original) => (from, to) => {
    meet(from);
    original(from, to);
  });
  return seen;
}

describe.each(['file', 'directory'] as const)('the removal of a claim (lock %s)', (layout) => {
  const engine = portableEngine({ layout });

  /** What a person does who takes the holder for gone, and the next one, who then finds the path free. */
  function succeed(path: string, request: LockRequest): string {
    const lock = new PortableLock(lookingAt(request.path), settingsOf({ layout }));
    const claim = claimAt(path);
    if (claim !== undefined) removeAbandoned(lock, claim);
    return look(path).kind === 'nothing' ? leaveClaim(path, layout, self()) : NOBODY;
  }

  /** Claims at paths where a next one can come, each with what has it removed by its owner. */
  const removals: Record<
    string,
    (engine: Engine, request: LockRequest) => { path: string; end: () => void }
  > = {
    'an exclusive holder': (engine, request) => {
      const grant = engine.tryAcquire(request) as Grant;
      return { path: request.path, end: () => grant.release() };
    },
    'a reader at the gate': (engine, request) => ({
      path: request.path,
      end: () => void engine.tryAcquire({ ...request, mode: 'shared' }),
    }),
    'the holder of a permit': (engine, request) => {
      const grant = engine.tryAcquire({ ...request, mode: 'shared', permits: 2 }) as Grant;
      return { path: new Place(request.path).slotPath(0, 2), end: () => grant.release() };
    },
    'a holder that shares from now on': (engine, request) => {
      const grant = engine.tryAcquire(request) as Grant;
      return { path: request.path, end: () => grant.downgrade() };
    },
    'a writer that gives up at the gate': (engine, request) => {
      const onStep = (step: Step) => {
        if (step === 'publish-claim') engine.tryAcquire({ ...request, mode: 'shared' });
      };
      const writer = new Contender(request, settingsOf({ layout, onStep }));
      return { path: request.path, end: () => expect(writer.tryOnce()).toBe(undefined) };
    },
    'one whose claim was shown, and its answer lost': (engine, request) => {
      interceptShowing(request.path, (show) => {
        show();
        throw systemError('EIO');
      });
      intercept(
        'statSync',
        (original) =>
          ((path: string, ...rest: never[]) => {
            if (String(path).includes('/new.')) return undefined; // nor can be told by the count of links
            return original(path, ...rest);
          }) as typeof original,
      );
      return {
        path: request.path,
        end: () => {
          try {
            engine.tryAcquire(request)?.release();
          } catch {
            // It may be told of the failure.
          }
        },
      };
    },
    'a holder under a lease': (_engine, request) => {
      const grant = portableEngine({ layout, lease: 60_000 }).tryAcquire(request) as Grant;
      return { path: request.path, end: () => grant.release() };
    },
  };

  it.each(Object.keys(removals))(
    'by %s that is frozen in the middle of it leaves whatever came after it [X6, H9]',
    (whose) => {
      const { request } = unusedLock();
      let successor = NOBODY;
      const { path, end } = removals[whose]?.(engine, request()) ?? { path: '', end: () => {} };
      const removal = beforeRemovalFrom(path, () => {
        successor = succeed(path, request());
      });

      end();

      expect(removal.came).toBe(true);
      expect(tokenAt(path)).toBe(successor);
      expect(leftIn(request().path)).toEqual([]);
    },
  );

  it.each(['take-right', 'remove-own'] as const)(
    'by an owner that is frozen before its step %s leaves whatever came after it, and takes nothing along [X6, H9]',
    (step) => {
      const { request } = unusedLock();
      const { path } = request();
      let successor = NOBODY;
      const onStep = (next: Step) => {
        if (next === step) successor = succeed(path, request());
      };
      const grant = portableEngine({ layout, onStep }).tryAcquire(request()) as Grant;

      grant.release();

      expect(successor === NOBODY).toBe(step === 'remove-own'); // it had the right already
      expect(tokenAt(path)).toBe(successor);
      expect(leftIn(path)).toEqual([]);
    },
  );

  it('on a person’s word, frozen in the middle of it, leaves who comes after the owner’s release [X6, H8]', () => {
    const { request } = unusedLock();
    const { path } = request();
    const grant = engine.tryAcquire(request()) as Grant;
    let successor = NOBODY;
    const removal = beforeRemovalFrom(path, () => {
      grant.release();
      if (look(path).kind === 'nothing') successor = leaveClaim(path, layout, self());
    });

    removeAbandoned(new PortableLock(request(), settingsOf({ layout })), claimAt(path) as FoundClaim);

    expect(removal.came).toBe(true);
    expect(tokenAt(path)).toBe(successor);
    expect(engine.tryAcquire(request())?.isIntact()).toBe(successor === NOBODY ? true : undefined);
  });

  it('on a person’s word leaves who came meanwhile [X6, H8]', () => {
    const { request } = unusedLock();
    const { path } = request();
    leaveClaim(path, layout, deadProcess());
    let successor = NOBODY;
    const onStep = (step: Step) => {
      if (step === 'look-again') successor = replaceClaim(path, layout, self());
    };
    const lock = new PortableLock(request(), settingsOf({ layout, onStep }));

    expect(removeAbandoned(lock, claimAt(path) as FoundClaim)).toBe('changed');

    expect(successor).not.toBe(NOBODY);
    expect(tokenAt(path)).toBe(successor);
  });

  it('by its owner waits for a breaker that lives [X6, H8]', () => {
    const { request } = unusedLock();
    const { path } = request();
    const grant = engine.tryAcquire(request()) as Grant;
    const token = tokenAt(path);
    const right = new Place(path).breakPath(token);
    leaveClaim(right, layout, self());

    grant.release();

    expect(tokenAt(path)).toBe(token);
    expect(engine.tryAcquire(request())).toBe(undefined);
    rmSync(right, { recursive: true });
    expect(engine.tryAcquire(request())?.isIntact()).toBe(true);
  });

  it('by its owner outlasts a breaker that died [X6, H8, H16]', () => {
    const { request } = unusedLock();
    const { path } = request();
    const grant = engine.tryAcquire(request()) as Grant;
    leaveClaim(new Place(path).breakPath(tokenAt(path)), layout, deadProcess());

    grant.release();

    expect(engine.tryAcquire(request())?.isIntact()).toBe(true);
  });

  it.each(['at both paths', 'at its right alone'])(
    'by an owner that died in it is finished by the next one, be it %s [X6, H16]',
    (where) => {
      const { request } = unusedLock();
      const { path } = request();
      const place = new Place(path);
      (engine.tryAcquire(request()) as Grant).release(); // makes the queue directory
      const token = leaveClaim(path, 'file', deadProcess());
      const right = place.breakPath(token);
      linkSync(path, right);
      if (where === 'at its right alone') unlinkSync(path);

      const next = portableEngine({ layout }).tryAcquire(request());
      expect(next?.isIntact()).toBe(true);
      next?.release();
      for (const { remove } of engine.leftovers(path)) remove?.();

      expect(readdirSync(place.queue)).toEqual(['token']);
    },
  );
});

describe('where no links can be made', () => {
  it('an owner takes a claim as its right, and leaves whatever came after its own claim [X6, H9, H12]', async () => {
    const { request } = unusedLock();
    const { path } = request();
    intercept('linkSync', () => () => {
      throw systemError('EPERM');
    });
    const engine = portableEngine({ layout: 'directory' });
    const grant = await contender(engine).acquire(request());
    let wasBroken: unknown;
    const removal = beforeRemovalFrom(path, () => {
      const lock = new PortableLock(request(), settingsOf({ layout: 'directory' }));
      wasBroken = removeAbandoned(lock, claimAt(path) as FoundClaim);
    });

    grant.release();

    expect([removal.came, wasBroken]).toEqual([true, 'busy']);
    expect(look(path).kind).toBe('nothing');
    expect(readdirSync(new Place(path).queue)).toEqual(['token']);
  });
});
