import fs, { readFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Place } from '../../../src/engine/portable/place.ts';
import { portableEngine } from '../../../src/engine/portable/portable.ts';
import { CLAIM_FILE } from '../../../src/engine/signature.ts';
import { self } from '../../../src/identity/self.ts';
import { unusedLock } from '../harness.ts';
import { leaveClaim } from './stale.ts';

type Call = (...args: unknown[]) => unknown;

/** Has something happen, once, at the very call that would put something at this path. */
function justBefore(name: 'linkSync' | 'renameSync', target: string, happens: () => void): void {
  const original = fs[name] as Call;
  let done = false;
  const wrapped: Call = (...args) => {
    if (!done && args[1] === target) {
      done = true;
      happens();
    }
    return original(...args);
  };
  Object.assign(fs, { [name]: wrapped });
  syncBuiltinESMExports();
  onTestFinished(() => {
    Object.assign(fs, { [name]: original });
    syncBuiltinESMExports();
    expect(done, `${name} was called`).toBe(true);
  });
}

describe.each([
  ['file', 'linkSync'],
  ['directory', 'renameSync'],
] as const)('the call that makes a claim (lock %s)', (layout, call) => {
  const engine = portableEngine({ layout });
  const textOf = (path: string) =>
    readFileSync(layout === 'directory' ? join(path, CLAIM_FILE) : path, 'utf8');

  it('makes it only where none is: one that came in the last instant stays, and the lock is its owner’s [F2, F5, G8]', () => {
    const { request } = unusedLock();
    const place = new Place(request().path);
    let token = '';
    justBefore(call, place.lock, () => {
      token = leaveClaim(place.lock, layout, self());
    });

    expect(engine.tryAcquire(request())).toBe(undefined);

    expect(textOf(place.lock)).toContain(`token ${token}\n`);
  });
});
