import fs, { existsSync, mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { basename, join } from 'node:path';
import { LockManager } from 'holdfast';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { Place } from '../../../src/engine/portable/place.ts';
import { portableEngine } from '../../../src/engine/portable/portable.ts';
import { CLAIM_FILE } from '../../../src/engine/signature.ts';
import { self } from '../../../src/identity/self.ts';
import { fileResource } from '../../../src/lock/resource.ts';
import { tempDirectory } from '../../support/temp.ts';
import { until } from '../../support/until.ts';
import { contender, unusedLock } from '../harness.ts';
import { intercept, systemError } from './intercept.ts';
import { deadProcess, leaveClaim } from './stale.ts';

const DAY = 86_400_000;
const ANCIENT = new Date('2001-01-01');
const layouts = ['file', 'directory'] as const;

describe.each(layouts)('a claim (lock %s)', (layout) => {
  const engine = portableEngine({ layout });
  const fileOf = (path: string) => (layout === 'directory' ? join(path, CLAIM_FILE) : path);

  it('lies beside the data, and tells who has it and since when, for people too [R3, F2, F3, F5, F6, F11, R12]', async () => {
    const home = tempDirectory();
    const data = join(home, 'roles.json');
    writeFileSync(data, '{}');
    const before = Date.now();

    const lock = await new LockManager().acquire(
      { file: data },
      { engine: 'portable', layout, purpose: 'save' },
    );

    expect(lock).toMatchObject({ path: fileResource(data).path, contract: 'claim' });
    const text = readFileSync(fileOf(lock.path), 'utf8');
    expect(text).toMatch(/^holdfast-claim 1\ntoken [0-9a-f]{32}\nmode exclusive\nsince /);
    expect(text).toContain(`"pid":${process.pid}`);
    expect(text).toContain('"purpose":"save"');
    const since = Date.parse(/^since (.*)$/m.exec(text)?.[1] ?? '');
    expect(since).toBeGreaterThanOrEqual(before);
    expect(since).toBeLessThanOrEqual(Date.now());
    await lock.release();
    const { queue, counter } = new Place(lock.path);
    expect(readdirSync(home).sort()).toEqual([basename(queue), 'roles.json']);
    expect(readdirSync(queue)).toEqual([basename(counter)]);
  });

  it('that somebody replaced is not removed by the release of its former holder, who finds out [H9, F9, H7]', async () => {
    const { request } = unusedLock();
    const { path } = request();
    const grant = await contender(engine).acquire(request());
    fs.rmSync(path, { recursive: true });
    const token = leaveClaim(path, layout, self());

    expect(grant.isIntact()).toBe(false);
    grant.release();

    expect(readFileSync(fileOf(path), 'utf8')).toContain(token);
  });

  it('is not called lost while no descriptor is free to read it, unless it is another file by then [H23, H7]', async () => {
    const { request } = unusedLock();
    const { path } = request();
    const grant = await contender(engine).acquire(request());
    intercept('openSync', () => () => {
      throw systemError('EMFILE');
    });

    expect(grant.isIntact()).toBe(true);
    fs.renameSync(path, `${path}.moved`);
    expect(grant.isIntact()).toBe(false);
    fs.cpSync(`${path}.moved`, path, { recursive: true });
    expect(grant.isIntact()).toBe(false);
  });

  it('of a process that is proved dead is taken over at once [F4, F7, F11, R45]', () => {
    const { request } = unusedLock();
    leaveClaim(request().path, layout, deadProcess());
    const grant = engine.tryAcquire(request());
    expect(grant?.isIntact()).toBe(true);
    grant?.release();
  });

  it('of a dead process leaves nothing behind but the counter, also when it named a command [F4, R46]', () => {
    const { request } = unusedLock();
    const dead = deadProcess();
    const place = new Place(request().path);
    const token = leaveClaim(place.lock, layout, dead);
    mkdirSync(place.queue);
    const child = `holdfast-child 1\n${JSON.stringify({ pid: dead.pid, start: '1' })}`;
    writeFileSync(place.childPath(token), child);

    engine.tryAcquire(request())?.release();

    expect(readdirSync(place.queue)).toEqual([basename(place.counter)]);
  });

  it.each([
    ['another machine', { ...self(), boot: 'b'.repeat(36), machine: 'other', host: 'elsewhere', pid: 1 }],
    ['another container', { ...self(), pidNamespace: '1', pid: 999_999 }],
    ['a process nobody knows', {}],
  ])(
    'of %s is held, however old it is, and nothing is left of the try [F4, F7, H3, H6]',
    (_whose, holder) => {
      const { home, request } = unusedLock();
      const { path } = request();
      leaveClaim(path, layout, holder);
      utimesSync(fileOf(path), ANCIENT, ANCIENT);
      const content = readFileSync(fileOf(path), 'utf8');

      for (const staleAfter of [1, 300_000]) {
        const impatient = portableEngine({ layout, staleAfter });
        expect(impatient.tryAcquire(request())).toBe(undefined);
        expect(impatient.acquireSync(request('shared'), 30)).toBe(undefined);
      }

      expect(readFileSync(fileOf(path), 'utf8')).toBe(content);
      expect(readdirSync(home)).toContain('mirror.lock');
    },
  );

  it('that is damaged proves nothing: it is held until nobody touched it for staleAfter, 300 s if not told otherwise [F4, H15]', () => {
    for (const damage of [
      (text: string) => text.slice(0, 60),
      (text: string) => text.replace(/end \w+/, 'end x'),
    ]) {
      const { request } = unusedLock();
      const { path } = request();
      leaveClaim(path, layout, deadProcess());
      const file = fileOf(path);
      writeFileSync(file, damage(readFileSync(file, 'utf8')));
      const seconds = (ago: number) => new Date(Date.now() - ago * 1000);

      utimesSync(file, seconds(290), seconds(290));
      expect(engine.tryAcquire(request())).toBe(undefined);
      utimesSync(file, seconds(310), seconds(310));
      const grant = engine.tryAcquire(request());

      expect(grant?.isIntact()).toBe(true);
      grant?.release();
    }
  });

  it('that is damaged is as old as the file system says, whatever the clock of this machine does [F4, H15, H22]', () => {
    const { request } = unusedLock();
    const { path } = request();
    leaveClaim(path, layout, deadProcess());
    writeFileSync(fileOf(path), readFileSync(fileOf(path), 'utf8').slice(0, 60));
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + DAY });
    onTestFinished(() => void vi.useRealTimers());

    expect(engine.tryAcquire(request())).toBe(undefined);
  });

  it('that is damaged while its holder lives is touched by him, so that nobody takes it, and he finds out [F4, H15, R66]', async () => {
    const beating = portableEngine({ layout, beat: 20 });
    const { request } = unusedLock();
    const file = fileOf(request().path);
    const grant = await contender(beating).acquire(request());
    writeFileSync(file, readFileSync(file, 'utf8').slice(0, 60));
    utimesSync(file, ANCIENT, ANCIENT);

    await until(() => fs.statSync(file).mtimeMs > Date.now() - 60_000, 'the holder touches its claim');

    expect(engine.tryAcquire(request())).toBe(undefined);
    expect(grant.isIntact()).toBe(false);
  });

  it('is not believed for its name: litter of the dead goes at the first lock of a process, the rest stays [G20, R47]', async () => {
    const { request } = unusedLock();
    const place = new Place(request().path);
    mkdirSync(place.queue);
    const unfinished = place.privatePath('a'.repeat(32));
    leaveClaim(unfinished, layout, deadProcess());
    const living = place.privatePath('b'.repeat(32));
    leaveClaim(living, layout, self());
    writeFileSync(join(place.queue, 'new.txt'), 'precious');

    await contender(engine).acquire(request());

    expect(existsSync(unfinished)).toBe(false);
    expect(readdirSync(place.queue)).toEqual(expect.arrayContaining([basename(living), 'new.txt']));
  });
});

it('a file system without hard links is told as such, with the layout that works there [H12, F5]', () => {
  const { request } = unusedLock();
  const original = fs.linkSync;
  fs.linkSync = () => {
    throw Object.assign(new Error('EPERM: operation not permitted, link'), { code: 'EPERM' });
  };
  syncBuiltinESMExports();
  try {
    expect(() => portableEngine({ layout: 'file' }).tryAcquire(request())).toThrow(
      expect.objectContaining({
        code: 'HOLDFAST_UNSUPPORTED',
        message: expect.stringContaining('This file system makes no hard links (EPERM)'),
      }),
    );
    const grant = portableEngine({ layout: 'directory' }).tryAcquire(request());
    expect(grant?.isIntact()).toBe(true);
    grant?.release();
  } finally {
    fs.linkSync = original;
    syncBuiltinESMExports();
  }
});
