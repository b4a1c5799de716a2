import { readdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Grant, Waiting } from '../../../src/engine/engine.ts';
import { nestedPath } from '../../../src/engine/nested.ts';
import { Place } from '../../../src/engine/portable/place.ts';
import { portableEngine } from '../../../src/engine/portable/portable.ts';
import type { Step } from '../../../src/engine/portable/settings.ts';
import { until } from '../../support/until.ts';
import { contender, unusedLock, upgrading } from '../harness.ts';
import { intercept, meant, systemError } from './intercept.ts';
import { listReadersAsOld } from './ways.ts';

/** How often something is tried before it counts as never succeeding. */
const TRIES = 20;

describe.each(['file', 'directory'] as const)('a portable lock that changes its mode (lock %s)', (layout) => {
  const engine = portableEngine({ layout });
  const { acquire, isFree } = contender(engine);

  it('is free at no step of a downgrade, and the reader that it becomes keeps writers out [X55, R4]', async () => {
    const { request } = unusedLock();
    const intruders: (Grant | undefined)[] = [];
    let downgrades = false;
    const onStep = () => {
      if (downgrades) intruders.push(engine.tryAcquire(request()));
    };
    const grant = await contender(portableEngine({ layout, onStep })).acquire(request());

    downgrades = true;
    grant.downgrade();
    downgrades = false;

    expect(intruders.length).toBeGreaterThan(1);
    expect(intruders.filter((intruder) => intruder !== undefined)).toEqual([]);
    expect(await isFree(request())).toBe(false);
    expect(await isFree(request('shared'))).toBe(true);
  });

  it('is seen to be held by who looks at it in the midst of a downgrade [X55, R4]', async () => {
    const { request } = unusedLock();
    const grant = await acquire(request());
    const onStep = (step: Step) => step === 'inspect-gate' && grant.downgrade();
    const looking = portableEngine({ layout, onStep });

    expect(looking.inspect(request().path).state).toBe('shared');
  });

  it('is not made exclusive by an old listing of the readers: it stays shared until the last of them leaves [X55, H12]', async () => {
    const { request } = unusedLock();
    const drains: Step[] = [];
    const onStep = (step: Step) => step === 'drain' && drains.push(step);
    const grant = await contender(portableEngine({ layout, onStep })).acquire(request('shared'));
    const other = await acquire(request('shared'));
    listReadersAsOld();
    const upgrade = upgrading(grant);
    await until(() => drains.length > 3, 'the upgrade is tried again and again');

    expect(await upgrade.outcome()).toBe('waiting');
    expect([grant.isIntact(), other.isIntact()]).toEqual([true, true]);
    other.release();

    expect(await upgrade.ended()).toBe('converted');
    expect(grant.isIntact()).toBe(true);
  });

  it('is not made exclusive beside a nested holder, only when that one ends [X1, R4]', async () => {
    const { request } = unusedLock();
    const holder = await acquire(request());
    const nested = await acquire({ ...request('shared'), path: nestedPath(request().path) });
    holder.release();
    const reader = await acquire(request('shared'));
    const upgrade = upgrading(reader);

    expect(await upgrade.outcome()).toBe('waiting');
    expect(reader.isIntact()).toBe(true);
    nested.release();

    expect(await upgrade.ended()).toBe('converted');
    expect(reader.recovered).toBeUndefined();
    expect(await isFree(request('shared'))).toBe(false);
  });

  it('is shared as before by an upgrade that is cancelled, and others may share it again [X55, R4]', async () => {
    const { request } = unusedLock();
    const grant = await acquire(request('shared'));
    const other = await acquire(request('shared'));
    const upgrade = upgradeOf(grant);
    upgrade.waiting.poke();
    expect(await isFree(request('shared'))).toBe(false);

    upgrade.waiting.cancel();

    expect(await isFree(request('shared'))).toBe(true);
    other.release();
    expect(await isFree(request())).toBe(false);
    expect([grant.isIntact(), upgrade.outcome()]).toEqual([true, 'waiting']);
  });

  it('names its command under the claim that it has at the time, and under no other afterwards [X55, H11, F9]', async () => {
    const { request } = unusedLock();
    const place = new Place(request().path);
    const grant = await acquire(request('shared'));
    const other = await acquire(request('shared'));
    grant.recordChild({ pid: process.pid });
    const records = () => readdirSync(place.queue).filter((name) => name.startsWith('child.'));
    listReadersAsOld();
    const upgrade = upgrading(grant);
    const [first] = records();
    await until(() => records().length === 1 && records()[0] !== first, 'the upgrade was tried');
    other.release();
    expect(await upgrade.ended()).toBe('converted');

    expect(records()).toEqual([
      basename(place.childPath(String(engine.inspect(place.lock).holders[0]?.claim))),
    ]);
    grant.release();
    expect(records()).toEqual([]);
  });

  it('is shared as before when the command cannot be named under the claim that it would have [X55, H11, H14]', async () => {
    const { request } = unusedLock();
    const place = new Place(request().path);
    const grant = await acquire(request('shared'));
    grant.recordChild({ pid: process.pid });
    const [claim] = readdirSync(place.readers);
    intercept('renameSync', (original) => (from, to) => {
      if (meant(to).startsWith(join(place.queue, 'child.'))) throw systemError('ENOSPC');
      original(from, to);
    });

    expect(await upgrading(grant).ended()).toMatchObject({ code: 'HOLDFAST_UNWRITABLE' });

    expect([grant.isIntact(), readdirSync(place.readers)]).toEqual([true, [claim]]);
    expect(await isFree(request('shared'))).toBe(true);
  });

  it('is lost, and says so, when it can neither be alone nor be shared again [X55, H14]', async () => {
    const { request } = unusedLock();
    let fails = false;
    const onStep = (step: Step) => {
      if (fails && step === 'publish-reader') throw new Error('no reader claim can be made');
    };
    const grant = await contender(portableEngine({ layout, onStep })).acquire(request('shared'));
    writeFileSync(join(new Place(request().path).readers, 'notes.txt'), 'precious');
    fails = true;

    expect(await upgrading(grant).ended()).toBe('lost');

    expect(grant.isIntact()).toBe(false);
    expect(await isFree(request('shared'))).toBe(true);
  });

  it('is made exclusive before a writer that blocks its thread at the gate [R4, R81]', async () => {
    const { request } = unusedLock();
    const grant = await acquire(request('shared'));
    let upgrade: ReturnType<typeof upgradeOf> | undefined;
    let tries = 0;
    const enough = new Error('enough');
    const poll = () => {
      upgrade ??= upgradeOf(grant); // the writer has the gate by now
      upgrade.waiting.poke();
      if (upgrade.outcome() !== 'waiting' || ++tries === TRIES) throw enough;
    };

    expect(() => engine.acquireSync(request(), Number.POSITIVE_INFINITY, poll)).toThrow(enough);

    expect(upgrade?.outcome()).toBe('converted');
    expect(await isFree(request('shared'))).toBe(false);
  });
});

/** An upgrade whose steps the test takes itself. */
function upgradeOf(grant: Grant): { waiting: Waiting; outcome: () => unknown } {
  let outcome: unknown = 'waiting';
  const become = (result: unknown) => {
    outcome = result;
  };
  const waiting = grant.upgrade({
    degraded: () => {},
    converted: () => become('converted'),
    lost: () => become('lost'),
    failed: become,
  });
  return { waiting, outcome: () => outcome };
}
