import { closeSync, existsSync } from 'node:fs';
import { PermitsError } from 'holdfast';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Engine, Grant, HeldPermit } from '../../src/engine/engine.ts';
import { kernelEngine } from '../../src/engine/kernel/kernel.ts';
import { nestedPath } from '../../src/engine/nested.ts';
import { portableEngine } from '../../src/engine/portable/portable.ts';
import { self } from '../../src/identity/self.ts';
import { requestFor, unusedLock } from './harness.ts';
import { afterEvery } from './kernel/between.ts';

const me = { pid: process.pid, start: self().start as string };

/** Contenders for the permits of one lock, all of this process. */
class Pool {
  readonly path = unusedLock().request().path;
  readonly #engine: Engine;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  take(permits: number | undefined, path = this.path): Grant | undefined {
    const mode = permits === undefined ? 'exclusive' : 'shared';
    const grant = this.#engine.tryAcquire({ ...requestFor(path, mode), permits });
    onTestFinished(() => grant?.release());
    return grant;
  }

  share(): Grant | undefined {
    return this.#engine.tryAcquire(requestFor(this.path, 'shared'));
  }

  /** One permit, whose commands may take it again, and which one it is. */
  outer(permits: number): { readonly grant: Grant; readonly permit: HeldPermit } {
    const grant = this.take(permits) as Grant;
    expect(grant.admitNested()).toBe(true);
    return { grant, permit: grant.permit as HeldPermit };
  }

  nestedIn({ by }: HeldPermit): Grant | undefined {
    return this.take(undefined, nestedPath(by));
  }

  admits(permit: HeldPermit): boolean {
    return this.#engine.admits(permit.lock, { ...me, permit });
  }

  get holders(): unknown[] {
    return this.#engine.inspect(this.path).holders.map(({ nested = false }) => nested);
  }
}

describe.each([
  ['kernel', kernelEngine],
  ['portable', portableEngine()],
])('a permit that is held nested, under the %s engine', (_name, engine) => {
  it('is kept, as one of them, when the outer holder releases it [X2, A5]', () => {
    const pool = new Pool(engine);
    const { grant, permit } = pool.outer(2);
    const nested = pool.nestedIn(permit) as Grant;
    expect(nested.join({ ...me, permit })).toBe(true);
    expect(pool.holders).toEqual([false, true]);
    grant.release();

    expect(pool.holders).toEqual([true]);
    const other = pool.take(2) as Grant;
    expect(other).toBeDefined();
    expect(pool.take(2)).toBeUndefined();
    other.release();
    expect(pool.take(undefined)).toBeUndefined();
    expect(() => pool.take(3)).toThrow(PermitsError);
    expect(() => pool.share()).toThrow(PermitsError);
    nested.release();
    expect(pool.holders).toEqual([]);
    expect(pool.take(1)).toBeDefined();
  });

  it('under an exclusive lock, keeps out who shares that without permits once its outer holder has ended [X8, X2, A5]', () => {
    const pool = new Pool(engine);
    const outer = pool.take(undefined) as Grant;
    expect(outer.admitNested()).toBe(true);
    const nested = pool.take(2, nestedPath(pool.path)) as Grant;
    expect(engine.admits(pool.path, me)).toBe(true);
    outer.release();

    expect(() => pool.share()).toThrow(PermitsError);
    expect(pool.take(2)).toBeUndefined();
    expect(pool.take(undefined)).toBeUndefined();
    nested.release();
    const shared = pool.share() as Grant;
    expect(shared).toBeDefined();
    shared.release();
  });

  it('has its siblings wait, and nobody under another permit [X2]', () => {
    const pool = new Pool(engine);
    const [{ permit }, { permit: another }] = [pool.outer(2), pool.outer(2)];
    const nested = pool.nestedIn(permit) as Grant;
    expect(nested.join({ ...me, permit })).toBe(true);

    expect(pool.nestedIn(permit)).toBeUndefined();
    expect(pool.nestedIn(another)?.join({ ...me, permit: another })).toBe(true);
    nested.release();
    expect(pool.nestedIn(permit)?.join({ ...me, permit })).toBe(true);
  });

  it('is kept once more by one that is nested in it, when both around it have ended [X2, A5]', () => {
    const pool = new Pool(engine);
    const { grant, permit } = pool.outer(1);
    const nested = pool.nestedIn(permit) as Grant;
    expect(nested.join({ ...me, permit })).toBe(true);
    expect(nested.admitNested()).toBe(true);
    const inside = nested.permit as HeldPermit;
    const innermost = pool.nestedIn(inside) as Grant;
    expect(innermost.join({ ...me, permit: inside })).toBe(true);
    grant.release();
    nested.release();

    expect(pool.take(1)).toBeUndefined();
    expect(pool.take(undefined)).toBeUndefined();
    innermost.release();
    expect(pool.take(1)).toBeDefined();
  });

  it('cannot be had when the outer holder has ended, nor when the next one has its place [X2]', () => {
    const pool = new Pool(engine);
    const { grant, permit } = pool.outer(1);
    const nested = pool.nestedIn(permit) as Grant;
    grant.release();

    expect(pool.admits(permit)).toBe(false);
    expect(nested.join({ ...me, permit })).toBe(false);
    nested.release();
    expect(pool.take(undefined)).toBeDefined();
  });
});

describe('a permit of the kernel engine whose holder has died', () => {
  const die = ({ descriptors = [] }: Grant) => {
    for (const fd of descriptors) closeSync(fd);
  };

  it('is kept by those who are nested under it, and admits nobody when the next one has passed [X2, A5]', () => {
    const pool = new Pool(kernelEngine);
    const { grant, permit } = pool.outer(1);
    die(grant);
    const nested = pool.nestedIn(permit) as Grant;
    expect(nested.join({ ...me, permit })).toBe(true);
    expect(pool.take(1)).toBeUndefined();
    nested.release();

    expect(pool.take(1)).toBeDefined();
    expect(pool.admits(permit)).toBe(false);
  });

  it('is kept from those who are nested by whoever has the lock alone [X2]', () => {
    const pool = new Pool(kernelEngine);
    const { grant, permit } = pool.outer(1);
    die(grant);
    const alone = pool.take(undefined);
    const nested = pool.nestedIn(permit) as Grant;

    expect(alone).toBeDefined();
    expect(pool.admits(permit)).toBe(false);
    expect(nested.join({ ...me, permit })).toBe(false);
  });

  it('leaves no slot when nested holders have ended, and none of what they left is told of [X2, R12]', () => {
    const pool = new Pool(kernelEngine);
    const { grant, permit } = pool.outer(1);
    const nested = pool.nestedIn(permit) as Grant;
    nested.join({ ...me, permit });
    grant.release();
    expect(existsSync(permit.by)).toBe(true);
    die(nested);

    const next = pool.outer(1);
    const sibling = pool.nestedIn(next.permit) as Grant;
    expect(sibling.recovered).toBeUndefined();
    sibling.release();
    next.grant.release();
    expect(existsSync(permit.by)).toBe(false);
  });
});

it('nobody is admitted to a permit from the moment in which its holder begins to look for nested ones [X2]', () => {
  const pool = new Pool(kernelEngine);
  const { grant, permit } = pool.outer(1);
  const admitted: boolean[] = [];
  const nested = pool.nestedIn(permit) as Grant;
  afterEvery(['lock'], () => admitted.push(pool.admits(permit)));
  grant.release();

  expect(admitted.length).toBeGreaterThan(0);
  expect(admitted).not.toContain(true);
  expect(nested.join({ ...me, permit })).toBe(false);
});
