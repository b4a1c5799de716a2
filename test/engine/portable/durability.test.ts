import { rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { lastToken } from '../../../src/engine/portable/counter.ts';
import { Place } from '../../../src/engine/portable/place.ts';
import { portableEngine } from '../../../src/engine/portable/portable.ts';
import { CLAIM_FILE } from '../../../src/engine/signature.ts';
import { contender, unusedLock, upgrading } from '../harness.ts';
import { type DiskStep, diskSteps, intercept, systemError } from './intercept.ts';

function synced(steps: readonly DiskStep[]): string[] {
  return steps.filter(({ did }) => did === 'sync').map(({ path }) => path);
}

describe.each(['file', 'directory'] as const)('the disk (lock %s)', (layout) => {
  const engine = portableEngine({ layout });
  const { acquire } = contender(engine);
  const fileOf = (path: string) => (layout === 'directory' ? join(path, CLAIM_FILE) : path);

  it('knows a claim before others can see it, at the gate and among the readers [X53, H16]', async () => {
    const { request } = unusedLock();
    const { lock, readers } = new Place(request().path);
    const steps = diskSteps();

    await acquire(request('shared'));

    for (const isThere of [(path: string) => path === lock, (path: string) => dirname(path) === readers]) {
      const at = steps.findIndex(({ did, path }) => did === 'show' && isThere(path));
      expect(synced(steps.slice(0, at))).toContain(fileOf(String(steps[at]?.from)));
    }
  });

  it('knows a token, and the names that lead to it, before it is told [X53]', async () => {
    const { request } = unusedLock();
    const { lock, queue, counter } = new Place(request().path);
    const grant = await acquire(request());
    const steps = diskSteps();

    expect(grant.token()).toBeGreaterThan(0);

    expect(synced(steps)).toEqual([counter, queue, dirname(lock)]);
  });

  it('knows the token of an upgrade before it is told, also when it knew the one before [X53]', async () => {
    const { request } = unusedLock();
    const { lock, queue, counter } = new Place(request().path);
    const grant = await acquire(request());
    const before = Number(grant.token());
    grant.downgrade();
    expect(await upgrading(grant).ended()).toBe('converted');
    const steps = diskSteps();

    expect(grant.token()).toBeGreaterThan(before);

    expect(synced(steps)).toEqual([counter, queue, dirname(lock)]);
  });

  it('that cannot be made to know a token leaves it untold [X53, H14]', async () => {
    const { request } = unusedLock();
    const grant = await acquire(request());
    intercept('fsyncSync', () => () => {
      throw systemError('EIO');
    });

    expect(grant.token()).toBe(undefined);
    expect(grant.isIntact()).toBe(true);
  });

  it('is told the count anew before a token is told after all: a second sync alone may sync nothing [X53, H14]', async () => {
    const { request } = unusedLock();
    const grant = await acquire(request());
    const calls: string[] = [];
    let isBroken = true;
    intercept(
      'writeSync',
      (original) =>
        ((...args: never[]) => {
          calls.push('write');
          return (original as (...args: never[]) => number)(...args);
        }) as typeof original,
    );
    intercept('fsyncSync', (original) => (fd) => {
      if (isBroken) throw systemError('EIO');
      calls.push('sync');
      original(fd);
    });
    expect(grant.token()).toBe(undefined);
    isBroken = false;

    expect(grant.token()).toBe(lastToken(new Place(request().path)));

    expect(calls.slice(0, 2)).toEqual(['write', 'sync']);
  });

  it('is told nothing by a holder that lost its lock: the count is the successor’s [X53, H9]', async () => {
    const { request } = unusedLock();
    const place = new Place(request().path);
    const grant = await acquire(request());
    let isBroken = true;
    intercept('fsyncSync', (original) => (fd) => {
      if (isBroken) throw systemError('EIO');
      original(fd);
    });
    expect(grant.token()).toBe(undefined);
    isBroken = false;
    rmSync(place.lock, { recursive: true });
    const successor = await acquire(request());
    const token = successor.token();

    expect(grant.token()).toBe(undefined);

    expect(lastToken(place)).toBe(token);
  });

  it('that takes only a part of the count leaves the grant without a token, and it says so [X53, H14]', async () => {
    const { request } = unusedLock();
    const { counter } = new Place(request().path);
    const half = (text: string) => text.slice(0, text.length / 2);
    intercept(
      'writeSync',
      (original) =>
        ((fd: number, text: string, ...rest: never[]) => {
          const isCount = text.startsWith('holdfast-token');
          return original(fd, isCount ? half(text) : text, ...rest);
        }) as typeof original,
    );

    const grant = await acquire(request());

    expect(grant.degraded).toMatchObject([{ reason: 'record-not-written', path: counter }]);
    expect(grant.token()).toBe(undefined);
  });

  it('knows the record of a command, and its name, before the command goes on [X53, H11]', async () => {
    const { request } = unusedLock();
    const place = new Place(request().path);
    const steps = diskSteps();
    const grant = await acquire(request());
    for (const child of ['starting', { pid: process.pid }] as const) {
      steps.length = 0;

      grant.recordChild(child);

      const [written, shown, named] = steps;
      expect(steps).toHaveLength(3);
      expect(written).toEqual({ did: 'sync', path: shown?.from });
      expect(shown).toMatchObject({ did: 'show', path: expect.stringContaining(place.childPath('')) });
      expect(named).toEqual({ did: 'sync', path: place.queue });
    }
  });
});
