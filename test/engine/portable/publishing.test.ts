import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Grant } from '../../../src/engine/engine.ts';
import { look } from '../../../src/engine/portable/look.ts';
import { Place } from '../../../src/engine/portable/place.ts';
import { portableEngine } from '../../../src/engine/portable/portable.ts';
import { self } from '../../../src/identity/self.ts';
import { contender, unusedLock } from '../harness.ts';
import { intercept, interceptShowing, meant, systemError } from './intercept.ts';
import { deadProcess, leaveClaim, replaceClaim } from './stale.ts';

/** What a server answers to a call that it was sent twice, because its first answer was lost. */
const SECOND_ANSWER = { file: 'EEXIST', directory: 'ENOENT' } as const;

/** A claim is handed on only while it is young. */
function stopTime(): void {
  vi.useFakeTimers({ toFake: ['performance'] });
  onTestFinished(() => void vi.useRealTimers());
}

describe.each(['file', 'directory'] as const)('a claim (lock %s)', (layout) => {
  const engine = portableEngine({ layout });
  const tokenAt = (path: string) => (look(path) as { token?: string }).token;

  it('never replaces one that was published an instant before [H8, F2, F5]', () => {
    const { request } = unusedLock();
    const { path } = request();
    let first = '';
    interceptShowing(path, (show) => {
      first = leaveClaim(path, layout, self());
      show();
    });

    expect(engine.tryAcquire(request())).toBe(undefined);

    expect(first).not.toBe('');
    expect(tokenAt(path)).toBe(first);
  });

  it('that was published is a grant, also when all that is heard of it is the refusal of a second try [H13]', async () => {
    const { request } = unusedLock();
    const { path } = request();
    interceptShowing(path, (show) => {
      show();
      throw systemError(SECOND_ANSWER[layout]);
    });

    const grant = await contender(engine).acquire(request());

    expect(grant.isIntact()).toBe(true);
    grant.release();
    expect(existsSync(path)).toBe(false);
  });

  it('that the server published after its answer was given up is removed again [H13, H16]', () => {
    const { request } = unusedLock();
    const { path } = request();
    let late: (() => void) | undefined;
    interceptShowing(path, (show) => {
      late = show;
      throw systemError('EIO');
    });
    // The first thing that is done to give up comes too late.
    const tooLate = () => {
      late?.();
      late = undefined;
    };
    intercept('unlinkSync', (original) => (file) => {
      tooLate();
      original(file);
    });
    intercept('renameSync', (original) => (from, to) => {
      tooLate();
      original(from, to);
    });

    expect(() => engine.tryAcquire(request())).toThrow(expect.objectContaining({ systemCode: 'EIO' }));

    expect(late).toBe(undefined);
    expect(existsSync(path)).toBe(false);
  });

  it('that was given up before the server published it is never seen [H13, H16]', () => {
    const { request } = unusedLock();
    const { path } = request();
    let late = () => {};
    interceptShowing(path, (show) => {
      late = show;
      throw systemError('EIO');
    });
    expect(() => engine.tryAcquire(request())).toThrow(expect.objectContaining({ systemCode: 'EIO' }));

    expect(late).toThrow(expect.objectContaining({ code: 'ENOENT' }));

    expect(existsSync(path)).toBe(false);
  });

  it('that came after a release whose answer was lost is not released as well [H9, H13]', () => {
    const { request } = unusedLock();
    const { path } = request();
    let successor = '';
    const grant = engine.tryAcquire(request()) as Grant;
    const losing = (remove: () => void, removed: string) => {
      remove();
      if (removed !== path || successor !== '') return;
      successor = leaveClaim(path, layout, self());
      throw systemError('ESTALE');
    };
    intercept('unlinkSync', (original) => (file) => losing(() => original(file), meant(file)));
    intercept('renameSync', (original) => (from, to) => losing(() => original(from, to), meant(from)));

    grant.release();

    expect(successor).not.toBe('');
    expect(tokenAt(path)).toBe(successor);
  });

  it('that is gone, or another one’s by now, is handed on to nobody [H7, H9]', () => {
    stopTime();
    for (const change of [
      (path: string) => rmSync(path, { recursive: true }),
      (path: string) => void replaceClaim(path, layout, self()),
    ]) {
      const { request } = unusedLock();
      const { path } = request();
      const grant = engine.tryAcquire(request()) as Grant;
      change(path);

      expect(grant.passTo(request())).toBe(undefined);

      expect(grant.isIntact()).toBe(false);
      grant.release();
    }
  });

  it('is handed on, with the next token, when it stands as it was made', () => {
    stopTime();
    const { request } = unusedLock();
    const grant = engine.tryAcquire(request()) as Grant;
    const token = Number(grant.token());

    const next = grant.passTo(request()) as Grant;

    expect(next.token()).toBeGreaterThan(token);
    expect([grant.isIntact(), next.isIntact()]).toEqual([false, true]);
    next.release();
    expect(existsSync(new Place(request().path).lock)).toBe(false);
  });

  it('is not handed on when it is old, for it would tell a wrong time of the grant [G12]', () => {
    stopTime();
    const { request } = unusedLock();
    const grant = engine.tryAcquire(request()) as Grant;

    vi.advanceTimersByTime(1001);

    expect(grant.passTo(request())).toBe(undefined);
    expect(grant.isIntact()).toBe(true);
    grant.release();
  });

  it('is handed on without the command of the one before [H11]', () => {
    stopTime();
    const { request } = unusedLock();
    const grant = engine.tryAcquire(request()) as Grant;
    grant.recordChild({ pid: process.pid });
    expect(engine.inspect(request().path).holders).toMatchObject([{ child: { pid: process.pid } }]);

    const next = grant.passTo(request());

    expect(next?.isIntact()).toBe(true);
    expect(engine.inspect(request().path).holders[0]).not.toHaveProperty('child');
    next?.release();
  });

  it('of the dead is taken over also after this process could remove neither it nor its own right to [H13, H16]', () => {
    const { request } = unusedLock();
    const place = new Place(request().path);
    mkdirSync(place.queue);
    const breakPath = place.breakPath(leaveClaim(place.lock, layout, deadProcess()));
    let fails = true;
    const refusing = <T>(path: unknown, call: () => T) => {
      if (fails && [place.lock, breakPath].includes(meant(path))) throw systemError('EIO');
      return call();
    };
    intercept('unlinkSync', (original) => (path) => refusing(path, () => original(path)));
    intercept('renameSync', (original) => (from, to) => refusing(from, () => original(from, to)));
    expect(() => engine.tryAcquire(request())).toThrow(expect.objectContaining({ systemCode: 'EIO' }));
    expect([existsSync(place.lock), existsSync(breakPath)]).toEqual([true, true]);

    fails = false;
    const grant = engine.tryAcquire(request());

    expect(grant?.isIntact()).toBe(true);
    grant?.release();
  });
});
