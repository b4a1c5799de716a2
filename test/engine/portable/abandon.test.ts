import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Grant, HeldPermit } from '../../../src/engine/engine.ts';
import { leftovers } from '../../../src/engine/leftovers.ts';
import { nestedPath } from '../../../src/engine/nested.ts';
import { Place } from '../../../src/engine/portable/place.ts';
import { abandonClaim, portableEngine } from '../../../src/engine/portable/portable.ts';
import { listReaders } from '../../../src/engine/portable/readers.ts';
import { self } from '../../../src/identity/self.ts';
import { requestFor, unusedLock } from '../harness.ts';

const engine = portableEngine({ layout: 'file' });
const me = { pid: process.pid, start: self().start as string };

function take(path: string, permits?: number): Grant | undefined {
  const mode = permits === undefined ? 'exclusive' : 'shared';
  const grant = engine.tryAcquire({ ...requestFor(path, mode), permits });
  onTestFinished(() => grant?.release());
  return grant;
}

/** Has a claim look like that of a process in another container. */
function moveAway(path: string): void {
  const elsewhere = JSON.stringify({ ...self(), pidNamespace: '1' });
  writeFileSync(path, readFileSync(path, 'utf8').replace(/^holder .*$/m, `holder ${elsewhere}`));
}

function nestedHolders(path: string): (string | undefined)[] {
  return engine.inspect(path).holders.flatMap(({ nested, claim }) => (nested ? [claim] : []));
}

describe('a claim by which a portable lock is held nested', () => {
  it.each([1, 2])('is removed by hand, %i deep, and the next holder is told [H6, X2, R12]', (depth) => {
    const { path } = unusedLock().request();
    const outer: Grant[] = [];
    let at = path;
    for (let level = 0; level < depth; level++, at = nestedPath(at)) outer.push(take(at) as Grant);
    take(at);
    const [claim] = nestedHolders(path).slice(-1);
    expect(abandonClaim(path, String(claim))).toBe('alive');
    moveAway(at);
    for (const grant of outer) grant.release();
    expect(take(path)).toBeUndefined();

    expect(abandonClaim(path, String(claim))).toBe('removed');
    expect(take(path)?.recovered).toMatchObject({ pidNamespace: '1' });
    expect(abandonClaim(path, String(claim))).toBe('gone');
  });

  it('is removed by hand with all that keeps a permit for the same holder [H6, X2]', () => {
    const { path } = unusedLock().request();
    const outer = take(path, 1) as Grant;
    expect(outer.admitNested()).toBe(true);
    const permit = outer.permit as HeldPermit;
    const at = nestedPath(permit.by);
    expect(take(at)?.join({ ...me, permit })).toBe(true);
    const [claim] = nestedHolders(path);
    expect(abandonClaim(path, String(claim))).toBe('alive');
    moveAway(at);
    for (const { path: reader, token } of listReaders(new Place(path))) if (token === claim) moveAway(reader);
    outer.release();
    expect(take(path, 1)).toBeUndefined();

    expect(abandonClaim(path, String(claim))).toBe('removed');
    const next = take(path, 1);
    expect(next).toBeDefined();
    next?.release();
    expect(take(path)).toBeDefined();
  });

  it('is told by clean and removed by hand where only its half at the permit is left [H6, X2, F12]', () => {
    const { path } = unusedLock().request();
    const outer = take(path, 1) as Grant;
    expect(outer.admitNested()).toBe(true);
    const permit = outer.permit as HeldPermit;
    const at = nestedPath(permit.by);
    expect(take(at)?.join({ ...me, permit })).toBe(true);
    const [claim] = nestedHolders(path);
    moveAway(at);
    for (const { path: reader, token } of listReaders(new Place(path))) if (token === claim) rmSync(reader);
    outer.release();
    expect(take(path, 1)).toBeUndefined();

    const [left] = leftovers(path).filter(({ path }) => path === at);
    expect(left).toMatchObject({ what: 'claim', remove: undefined });
    const [, told] = /break --claim (\w+)/.exec(left?.why ?? '') ?? [];
    expect(abandonClaim(path, String(told))).toBe('removed');
    expect(take(path, 1)).toBeDefined();
  });
});
