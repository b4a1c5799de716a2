import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Grant, LockRequest } from '../../../src/engine/engine.ts';
import { isCopy } from '../../../src/engine/portable/copy.ts';
import { type FoundClaim, look } from '../../../src/engine/portable/look.ts';
import { Place } from '../../../src/engine/portable/place.ts';
import { portableEngine } from '../../../src/engine/portable/portable.ts';
import type { Step } from '../../../src/engine/portable/settings.ts';
import { bindMount } from '../../support/disk.ts';
import { mountedImage, mountedOverlay } from '../../support/mounts.ts';
import { memoryDirectory } from '../../support/temp.ts';
import { tool } from '../../support/tool.ts';
import { until } from '../../support/until.ts';
import { contender, requestFor } from '../harness.ts';
import { deadProcess, leaveClaim } from './stale.ts';

const engine = portableEngine();
const COPY = 'is a copy of a claim, and nobody holds a lock by it';

/** A lock in a directory of its own, which can be copied; where inodes are stable. */
function unusedLock(parent = memoryDirectory()) {
  const path = join(parent, 'data', 'mirror.lock');
  mkdirSync(dirname(path));
  return { path, request: () => requestFor(path) };
}

/** `how`: options of cp(1), which keep all that can be kept. Returns the lock path in the copy. */
function copied(lock: string, how = '-a', to = `${dirname(lock)}-copy`): string {
  tool('cp', [how, dirname(lock), to]);
  return join(to, basename(lock));
}

function claimsAt(lock: string) {
  return engine.leftovers(lock).filter(({ what }) => what === 'claim');
}

/** Does what `holdfast clean` does; tells what could not be removed. */
function clean(lock: string): string[] {
  const removals = engine
    .leftovers(lock)
    .flatMap(({ path, remove }) => (remove === undefined ? [] : [{ path, remove }]));
  return removals.filter(({ remove }) => !remove()).map(({ path }) => path);
}

const shared =
  (permits?: number) =>
  (request: LockRequest): LockRequest => ({ ...request, mode: 'shared', permits });
const WAYS: [string, (request: LockRequest) => LockRequest][] = [
  ['exclusively', (request) => request],
  ['with others', shared()],
  ['with a permit', shared(2)],
];
const LAYOUTS = ['file', 'directory'] as const;

describe.each(LAYOUTS)('a directory that is copied while a lock in it is held (%s)', (layout) => {
  const here = portableEngine({ layout });
  const hold = (request: LockRequest) => here.tryAcquire(request) as Grant;

  it.each(WAYS)(
    '%s has a copy of the claim, which is told as such, and goes by clean alone [X31]',
    (_, as) => {
      const { path, request } = unusedLock();
      const grant = hold(as(request()));
      const lock = copied(path);

      expect(here.tryAcquire(requestFor(lock))).toBe(undefined);
      expect(here.inspect(lock).holders).toMatchObject([{ copy: true, pid: process.pid }]);
      expect(claimsAt(lock)).toMatchObject([{ why: COPY }]);

      expect(clean(lock)).toEqual([]);
      const next = hold(requestFor(lock));
      expect(next.isIntact()).toBe(true);
      expect(grant.isIntact()).toBe(true);
      expect(claimsAt(path)).toMatchObject([{ why: 'its owner lives', remove: undefined }]);
      expect(here.inspect(path).holders[0]?.copy).toBe(undefined);
      for (const each of [next, grant]) each.release();
      expect(readdirSync(dirname(path)).filter((name) => name.endsWith('.lock'))).toEqual([]);
    },
  );

  it('may have been copied in the middle of work, which its next holder is told [X31, H16]', () => {
    const { path, request } = unusedLock();
    const grant = hold(request());
    const lock = copied(path);
    grant.release();
    clean(lock);

    const next = hold(requestFor(lock));

    expect(next.recovered).toMatchObject({ pid: process.pid });
    next.release();
  });

  it.each<[string, (lock: string) => string]>([
    ['moved', moved],
    ['mounted elsewhere as well', mountedElsewhere],
    ['given other names by hard links', (lock) => copied(lock, '-al')],
  ])('and that is %s instead has the very claim, which is held [X31]', (_, change) => {
    const { path, request } = unusedLock();
    const grant = hold(request());
    const lock = change(path);

    expect(here.inspect(lock)).toMatchObject({ state: 'exclusive', holders: [{ pid: process.pid }] });
    expect(here.inspect(lock).holders[0]?.copy).toBe(undefined);
    expect(claimsAt(lock)).toMatchObject([{ why: 'its owner lives', remove: undefined }]);
    grant.release();
  });

  it('takes the lock from its holder when the copy takes the place of the directory [X31, X6]', () => {
    const { path, request } = unusedLock();
    const grant = hold(request());
    const aside = moved(path);
    tool('cp', ['-a', dirname(aside), dirname(path)]);

    expect(grant.isIntact()).toBe(false);
    expect(clean(path)).toEqual([]);
    const next = hold(request());
    grant.release();

    expect(next.isIntact()).toBe(true);
    next.release();
  });
});

it('a backup that is put back after the release holds a copy [X31]', () => {
  const { path, request } = unusedLock();
  const grant = engine.tryAcquire(request()) as Grant;
  const backup = copied(path);
  grant.release();
  renameSync(dirname(path), `${dirname(path)}-old`);
  renameSync(dirname(backup), dirname(path));

  expect(claimsAt(path)).toMatchObject([{ why: COPY }]);
  expect(clean(path)).toEqual([]);
  (engine.tryAcquire(request()) as Grant).release();
});

it('a copied ticket stands in nobody’s way, and goes [X31]', async () => {
  const { path, request } = unusedLock();
  const grant = engine.tryAcquire(request()) as Grant;
  const { waiting } = contender(engine).wait(request());
  await until(() => engine.isContended(path), 'a ticket is there');
  const lock = copied(path);

  expect(engine.leftovers(lock)).toMatchObject([
    { what: 'claim' },
    { what: 'ticket', why: 'is a copy of a ticket, and nobody waits by it' },
  ]);
  expect(engine.inspect(lock).waiters).toEqual([]);
  expect(engine.inspect(path).waiters).toMatchObject([{ record: { pid: process.pid } }]);
  clean(lock);
  (engine.tryAcquire(requestFor(lock)) as Grant).release();
  waiting.cancel();
  grant.release();
});

describe('a right that is copied', () => {
  /** A directory that was copied when a claim in it was just being taken over. Returns the lock path in the copy. */
  function copiedAt(step: Step): string {
    const { path, request } = unusedLock();
    leaveClaim(path, 'file', deadProcess());
    let lock = '';
    const onStep = (at: Step) => {
      if (at === step && lock === '') lock = copied(path);
    };
    portableEngine({ onStep }).tryAcquire(request())?.release();
    return lock;
  }

  const rightsAt = (lock: string) =>
    readdirSync(new Place(lock).queue).filter((name) => name.startsWith('break'));

  it('with the claim it was taken for goes with that, and by nobody who only wants the lock [X31]', () => {
    const lock = copiedAt('look-again');

    expect(engine.tryAcquire(requestFor(lock))).toBe(undefined);
    expect(rightsAt(lock)).toHaveLength(1);
    expect(clean(lock)).toEqual([]);
    expect(rightsAt(lock)).toEqual([]);
    expect(engine.inspect(lock).state).toBe('free');
  });

  it('after its claim was removed goes too [X31]', () => {
    const lock = copiedAt('remove-break');

    (engine.tryAcquire(requestFor(lock)) as Grant).release();
    expect(rightsAt(lock)).toHaveLength(1);
    expect(clean(lock)).toEqual([]);
    expect(rightsAt(lock)).toEqual([]);
  });
});

describe('a copy is not told', () => {
  const overlay = mountedOverlay();
  const image = mountedImage('ext4');

  it('where inodes may change, as on an overlay [X31]', () => {
    const { path, request } = unusedLock(overlay.directory());
    const grant = engine.tryAcquire(request()) as Grant;

    expect(claimsAt(copied(path))).toMatchObject([{ why: 'its owner lives', remove: undefined }]);
    grant.release();
  });

  it('on another device, which the same file may have elsewhere [X31]', () => {
    const { path, request } = unusedLock();
    const grant = engine.tryAcquire(request()) as Grant;
    const lock = copied(path, '-a', join(image.directory(), 'copy'));

    expect(claimsAt(lock)).toMatchObject([{ why: 'its owner lives', remove: undefined }]);
    grant.release();
  });

  it('by a record that does not name its file, as those of older versions [X31]', () => {
    const { path, request } = unusedLock();
    const grant = engine.tryAcquire(request()) as Grant;
    const lock = copied(path);
    writeFileSync(lock, readFileSync(lock, 'utf8').replace(/^file .*\n/m, ''));

    expect(claimsAt(lock)).toMatchObject([{ why: 'its owner lives', remove: undefined }]);
    grant.release();
  });

  it.each(['boot', 'machine'])('by a record of another %s, or of none [X31]', (what) => {
    const { path, request } = unusedLock();
    const grant = engine.tryAcquire(request()) as Grant;
    const found = look(copied(path)) as FoundClaim;
    grant.release();
    const { record } = found;
    if (record === undefined) throw new Error('The claim has no record.');

    expect(isCopy(found)).toBe(true);
    for (const value of ['another', '', undefined]) {
      const holder = { ...record.holder, [what]: value };
      expect(isCopy({ ...found, record: { ...record, holder } })).toBe(false);
    }
  });
});

function moved(lock: string): string {
  const to = `${dirname(lock)}-moved`;
  renameSync(dirname(lock), to);
  return join(to, basename(lock));
}

function mountedElsewhere(lock: string): string {
  const point = `${dirname(lock)}-mounted`;
  bindMount(dirname(lock), point);
  return join(point, basename(lock));
}
