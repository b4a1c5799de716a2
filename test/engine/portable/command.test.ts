import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { RecordedChild } from '../../../src/engine/engine.ts';
import { leaveChild } from '../../../src/engine/portable/child.ts';
import { Place } from '../../../src/engine/portable/place.ts';
import { portableEngine } from '../../../src/engine/portable/portable.ts';
import { CLAIM_FILE } from '../../../src/engine/signature.ts';
import { self } from '../../../src/identity/self.ts';
import { contender, unusedLock } from '../harness.ts';
import { deadProcess, leaveClaim } from './stale.ts';

const dead = deadProcess();

describe.each(['file', 'directory'] as const)('a portable lock whose holder died (lock %s)', (layout) => {
  const engine = portableEngine({ layout });
  const { isFree } = contender(engine);

  /** A lock whose holder died and left this record of its command. */
  function lockOf(child: RecordedChild) {
    const { request } = unusedLock();
    const place = new Place(request().path);
    mkdirSync(place.queue);
    leaveChild({ request: request(), place }, leaveClaim(place.lock, layout, dead), child);
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

  it('is kept for its command also after it was made shared [X55, H11]', async () => {
    const { request } = unusedLock();
    const place = new Place(request().path);
    const grant = await contender(engine).acquire(request());
    grant.recordChild({ pid: process.pid });
    grant.downgrade();
    const [reader] = engine.inspect(place.lock).holders;
    const path = place.readerPath(String(reader?.claim));
    const file = layout === 'directory' ? join(path, CLAIM_FILE) : path;
    const ofTheDead = readFileSync(file, 'utf8').replace(/^holder .*$/m, `holder ${JSON.stringify(dead)}`);
    writeFileSync(file, ofTheDead);

    expect(await isFree(request())).toBe(false);
    expect(await isFree(request('shared'))).toBe(true);
  });
});
