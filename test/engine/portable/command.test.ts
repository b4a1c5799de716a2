import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { RecordedChild } from '../../../src/engine/engine.ts';
import { leaveChild } from '../../../src/engine/portable/child.ts';
import { Contender } from '../../../src/engine/portable/contender.ts';
import { Place } from '../../../src/engine/portable/place.ts';
import { abandonClaim, portableEngine } from '../../../src/engine/portable/portable.ts';
import { type Step, settingsOf } from '../../../src/engine/portable/settings.ts';
import { CLAIM_FILE } from '../../../src/engine/signature.ts';
import { self } from '../../../src/identity/self.ts';
import { contender, unusedLock, upgrading } from '../harness.ts';
import { deadProcess, leaveClaim } from './stale.ts';

const dead = deadProcess();

describe.each(['file', 'directory'] as const)('a portable lock whose holder died (lock %s)', (layout) => {
  const engine = portableEngine({ layout });
  const { isFree } = contender(engine);

  /** Has a claim look as if its holder had died; returns what undoes it. */
  function holderDied(path: string): () => void {
    const file = layout === 'directory' ? join(path, CLAIM_FILE) : path;
    const before = readFileSync(file, 'utf8');
    writeFileSync(file, before.replace(/^holder .*$/m, `holder ${JSON.stringify(dead)}`));
    return () => writeFileSync(file, before);
  }

  /** A lock whose holder died and left this record of its command. */
  function lockOf(child: RecordedChild, holder = dead) {
    const { request } = unusedLock();
    const place = new Place(request().path);
    mkdirSync(place.queue);
    leaveChild({ request: request(), place }, leaveClaim(place.lock, layout, holder), child);
    return request;
  }

  it.each([
    ['may be starting', 'starting'],
    ['lives', { pid: process.pid, start: self().start ?? '' }],
    ['is there, and recorded without the time of its start', { pid: process.pid }],
  ] as const)('is kept for a command that %s [H11, H16]', async (_what, child) => {
    const request = lockOf(child);

    expect(await isFree(request())).toBe(false);
    expect(await isFree(request('shared'))).toBe(false);
  });

  it.each([
    ['is gone', { pid: Number(dead.pid) }],
    ['has another one in its place by now', { pid: process.pid, start: '1' }],
  ] as const)('is free when its command %s [H11, H1, R45]', async (_what, child) => {
    const request = lockOf(child);

    expect(await isFree(request())).toBe(true);
  });

  it('is free when its command was about to start in an earlier boot [H2, H11]', async () => {
    const request = lockOf('starting', { ...dead, boot: 'another-boot' });

    expect(await isFree(request())).toBe(true);
  });

  it('is not broken by hand while its command is seen to live, but is when nobody can tell [H11, H6]', () => {
    const here = { pid: process.pid, start: self().start ?? '' };
    for (const [child, outcome] of [
      [here, 'alive'],
      ['starting', 'removed'],
    ] as const) {
      const { path } = lockOf(child)();
      const [holder] = engine.inspect(path).holders;

      expect(abandonClaim(path, String(holder?.claim))).toBe(outcome);
      expect(engine.inspect(path).state).toBe(outcome === 'alive' ? 'exclusive' : 'free');
    }
  });

  it('is not called stuck while it is kept for its command, though nobody gives a sign of life [H11, R11]', () => {
    const alert = portableEngine({ layout, stuckAfter: 0 });
    const request = lockOf({ pid: process.pid, start: self().start ?? '' });
    const living = unusedLock();
    leaveClaim(living.request().path, layout, self());

    expect(alert.inspect(living.request().path).holders).toMatchObject([{ silent: expect.any(Number) }]);
    expect(alert.inspect(request().path).holders).toMatchObject([{ pid: dead.pid, child: {} }]);
    expect(alert.inspect(request().path).holders[0]).not.toHaveProperty('silent');
  });

  it('is kept for its command also after it was made shared [X55, H11]', async () => {
    const { request } = unusedLock();
    const place = new Place(request().path);
    const grant = await contender(engine).acquire(request());
    grant.recordChild({ pid: process.pid });
    grant.downgrade();
    const [reader] = engine.inspect(place.lock).holders;
    const path = place.readerPath(String(reader?.claim));
    holderDied(path);

    expect(await isFree(request())).toBe(false);
    expect(await isFree(request('shared'))).toBe(true);
  });

  it('is kept for its command also when that happened in the middle of an upgrade [X55, H11, H16]', async () => {
    const { request } = unusedLock();
    const { lock } = new Place(request().path);
    const seen: boolean[] = [];
    const onStep = (step: Step) => {
      if (step !== 'drain') return; // the reader claim is gone, and the lock not exclusive yet
      const undo = holderDied(lock);
      const intruder = new Contender(request('shared'), settingsOf({ layout })).tryOnce();
      intruder?.release();
      seen.push(intruder !== undefined);
      undo();
    };
    const grant = await contender(portableEngine({ layout, onStep })).acquire(request('shared'));
    grant.recordChild({ pid: process.pid });

    const outcome = await upgrading(grant).ended();

    expect(seen).toEqual([false]);
    expect(outcome).toBe('converted');
  });
});
