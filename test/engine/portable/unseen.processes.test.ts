import { chmodSync, chownSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { nestedPath } from '../../../src/engine/nested.ts';
import { leaveChild } from '../../../src/engine/portable/child.ts';
import { Place } from '../../../src/engine/portable/place.ts';
import { portableEngine } from '../../../src/engine/portable/portable.ts';
import { self } from '../../../src/identity/self.ts';
import { fileResource } from '../../../src/lock/resource.ts';
import { Agent } from '../../support/agent.ts';
import { asUser } from '../../support/child.ts';
import { needsRoot } from '../../support/root.ts';
import { tempDirectory } from '../../support/temp.ts';
import { passTime } from '../../support/time.mjs';
import { injecting } from '../../support/tool.ts';
import { until } from '../../support/until.ts';
import { contender, requestFor } from '../harness.ts';
import { intercept, systemError } from './intercept.ts';
import { deadProcess, leaveClaim } from './stale.ts';

const OWNER = 65534;
const OTHER = 65533;
const MODES = ['exclusive', 'shared'] as const;
const options = { engine: 'portable', timeout: 0 } as const;

/** What the system answers, and the error that it becomes. */
const FAILURES = [
  ['EMFILE', 'HOLDFAST_EXHAUSTED'],
  ['EIO', 'HOLDFAST_UNWRITABLE'],
] as const;

/** Data that is locked by the portable engine, in a directory of its own, and where the parts of its lock are. */
function data() {
  const directory = join(tempDirectory(), 'shared');
  mkdirSync(directory);
  const target = { file: join(directory, 'roles.json') };
  writeFileSync(target.file, '{}');
  const { path } = fileResource(target.file);
  return { directory, target, request: requestFor(path), place: new Place(path) };
}

/** A process for which calls at one path fail. */
function blindAt(path: string, calls: string, code: string, through: readonly string[] = []): Promise<Agent> {
  return Agent.start({
    home: tempDirectory(),
    through: [...through, ...injecting(calls, `error=${code}`, path)],
  });
}

const start = (user?: number) =>
  Agent.start({ home: tempDirectory(), through: user === undefined ? [] : asUser(user) });

describe.each(FAILURES)('whoever cannot see who holds a portable lock (%s)', (code, error) => {
  const refusal = { code: error };

  it('is not let in beside a reader whose directory another user may not remove [X55, H13]', async () => {
    needsRoot();
    const { directory, target, place } = data();
    chmodSync(directory, 0o1777);
    chownSync(target.file, OWNER, OWNER);
    chmodSync(target.file, 0o666);
    const reader = await start(OWNER);
    await reader.acquire(target, { ...options, mode: 'shared' });

    const writer = await blindAt(place.readers, 'openat', code, asUser(OTHER));

    await expect(writer.acquire(target, options)).rejects.toMatchObject(refusal);
  });

  it.each([2, 5])('gets none of %i permits, of which two are taken [X55, H13]', async (permits) => {
    const { target, place } = data();
    const holder = await start();
    for (const as of ['one', 'two']) await holder.acquire(target, { ...options, permits: 2 }, as);

    for (const path of [place.readers, place.slotPath(0, 2)]) {
      const third = await blindAt(path, 'openat', code);
      await expect(third.acquire(target, { ...options, permits })).rejects.toMatchObject(refusal);
    }
  });

  it.each(MODES)('does not pass a nested holder (%s) [X1, H13]', async (mode) => {
    const { target, request, place } = data();
    const nested = requestFor(nestedPath(request.path), mode);
    await contender(portableEngine()).acquire(nested);
    const part = mode === 'shared' ? new Place(nested.path).readers : nested.path;

    const next = await blindAt(part, 'access,faccessat,faccessat2,statx', code);

    await expect(next.acquire(target, options)).rejects.toMatchObject(refusal);
    expect(existsSync(place.lock)).toBe(false);
  });

  it('takes nothing from a command whose holder died [H11, H13]', async () => {
    const { target, request, place } = data();
    mkdirSync(place.queue);
    const claim = leaveClaim(place.lock, 'file', deadProcess());
    leaveChild({ request, place }, claim, { pid: process.pid, start: self().start ?? '' });

    const next = await blindAt(place.childPath(claim), 'openat', code);

    await expect(next.acquire(target, options)).rejects.toMatchObject({ code: 'HOLDFAST_BUSY' });
  });

  it('removes no record of a command as litter [H11, H13]', async () => {
    const { target, request, place } = data();
    mkdirSync(place.readers, { recursive: true });
    const claim = leaveClaim(place.readerPath('a'.repeat(32)), 'file', deadProcess(), { mode: 'shared' });
    leaveChild({ request, place }, claim, { pid: process.pid, start: self().start ?? '' });

    const next = await blindAt(place.readers, 'openat', code);
    await next.acquire(target, options).catch(() => {});

    expect(existsSync(place.childPath(claim))).toBe(true);
  });
});

describe.each(['file', 'directory'] as const)(
  'a portable lock whose claim cannot be read (lock %s)',
  (layout) => {
    const engine = portableEngine({ layout });
    /** Until `open` is called. */
    const close = (path: string, code: string) => {
      let isClosed = true;
      intercept('openSync', (original) => (file, ...rest) => {
        if (isClosed && [file, dirname(String(file))].includes(path)) throw systemError(code);
        return original(file, ...rest);
      });
      return () => {
        isClosed = false;
      };
    };

    it('is called held by who may not read it, and is waited for [X55, H13]', async () => {
      const { request } = data();
      const grant = await contender(engine).acquire(request);
      const open = close(request.path, 'EACCES');
      expect(engine.inspect(request.path)).toMatchObject({ state: 'exclusive', holders: [{}] });
      const free = vi.fn();
      const stop = engine.untilFree(request.path, free, free);
      onTestFinished(stop);
      await passTime(1_000);
      expect(free).not.toHaveBeenCalled();

      open();
      grant.release();
      await until(() => free.mock.calls.length > 0, 'the lock is seen to be free');
    });

    it.each(FAILURES)(
      'is not called free, nor held, where that cannot be told (%s) [X55, H23]',
      async (code, error) => {
        const { request } = data();
        await contender(engine).acquire(request);
        close(request.path, code);
        expect(() => engine.inspect(request.path)).toThrow(expect.objectContaining({ code: error }));
      },
    );
  },
);
