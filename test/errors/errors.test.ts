import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import * as holdfast from 'holdfast';
import { BusyError, HoldfastError, InputError, LockManager, TimeoutError, toProblem } from 'holdfast';
import { describe, expect, it } from 'vitest';
import { Agent } from '../support/agent.ts';
import { locksIn } from '../support/place.ts';
import { tempDirectory } from '../support/temp.ts';

const codes: Record<string, string> = {
  BusyError: 'HOLDFAST_BUSY',
  TimeoutError: 'HOLDFAST_TIMEOUT',
  LostError: 'HOLDFAST_LOST',
  DeadlockError: 'HOLDFAST_DEADLOCK',
  UnsupportedError: 'HOLDFAST_UNSUPPORTED',
  DegradedError: 'HOLDFAST_DEGRADED',
  UnwritableError: 'HOLDFAST_UNWRITABLE',
  RefusedError: 'HOLDFAST_REFUSED',
  EngineMismatchError: 'HOLDFAST_MISMATCH',
  ExhaustedError: 'HOLDFAST_EXHAUSTED',
  InputError: 'HOLDFAST_INPUT',
};

async function contention(timeout: number): Promise<{ error: BusyError; holder: Agent; path: string }> {
  const home = tempDirectory();
  const [holder] = await Agent.several(home, 1);
  const { path } = await holder.acquire('mirror', { purpose: 'aba mirror save' });
  const manager = locksIn(home);
  const error = await manager.acquire('mirror', { timeout }).catch((error: unknown) => error);
  return { error: error as BusyError, holder, path };
}

describe('an error class', () => {
  it.each(Object.keys(codes))('%s is exported under its stable code [R44, C3]', (name) => {
    const exported = (holdfast as unknown as Record<string, { code: string }>)[name];
    expect(exported?.code).toBe(codes[name]);
  });

  it('is recognised across two copies of the package [C3]', async () => {
    // The sources and the build are two copies.
    const copy = (await import(
      pathToFileURL(join(import.meta.dirname, '../../src/index.ts')).href
    )) as typeof holdfast;
    expect(copy.InputError).not.toBe(InputError);
    const theirs = new copy.InputError('x', 'is wrong');

    expect(theirs).toBeInstanceOf(InputError);
    expect(theirs).toBeInstanceOf(HoldfastError);
    expect(theirs).not.toBeInstanceOf(BusyError);
    expect(new Error('x')).not.toBeInstanceOf(HoldfastError);
    expect(null).not.toBeInstanceOf(HoldfastError);
  });
});

describe('the error of a busy lock', () => {
  it('names the operation, its holder and since when, where the lock is, and what to do [C3, G14, A4, R82]', async () => {
    const { error, holder, path } = await contention(0);

    expect(error).toBeInstanceOf(BusyError);
    expect(error).toMatchObject({ name: 'BusyError', resource: 'mirror', path, waited: 0 });
    expect(error.holder).toMatchObject({ pid: holder.pid, purpose: 'aba mirror save' });
    const name = `--directory ${dirname(path)} mirror`;
    expect(error.message).toMatch(
      new RegExp(
        `^mirror is held by "aba mirror save" \\(pid ${holder.pid}, user \\S+, since \\d\\d:\\d\\d:\\d\\d, .*s\\)\\. ` +
          `Look: holdfast who ${name} · wait: holdfast wait ${name}\\. Lock: ${path}$`,
      ),
    );
    expect(error.message).not.toMatch(/delete|remove|rm /);
  });

  it('tells after a wait how long that was, and keeps its facts as fields [G14, R41]', async () => {
    const { error, holder, path } = await contention(120);

    expect(error).toBeInstanceOf(TimeoutError);
    expect(error.waited).toBeGreaterThanOrEqual(119);
    expect(error.message).toContain(`; waited ${Math.round(error.waited)}ms`);
    expect(error.message).toContain(path);
    expect(error.message).toContain(`pid ${holder.pid}`);
  });

  it('becomes a problem document that names the operation and nobody [C3, R68]', async () => {
    const { error, holder, path } = await contention(0);

    const problem = toProblem(error, { status: 423, retryAfter: 2.5 });

    expect(problem).toMatchObject({
      status: 423,
      headers: { 'content-type': 'application/problem+json', 'retry-after': '3' },
      body: { status: 423, operation: 'aba mirror save', since: error.holder?.since, code: 'HOLDFAST_BUSY' },
    });
    const text = JSON.stringify(problem);
    expect(text).not.toContain(path);
    expect(text).not.toContain(String(holder.pid));
    expect(toProblem(error)?.status).toBe(409);
    expect(toProblem(new Error('x'))).toBeUndefined();
    expect(toProblem(undefined)).toBeUndefined();
  });
});

describe('an option that cannot be used', () => {
  const wrong: readonly (readonly [string, object])[] = [
    ['mode', { mode: 'both' }],
    ['timeout', { timeout: -1 }],
    ['timeout', { timeout: Number.NaN }],
    ['timeout', { timeout: '5' }],
    ['signal', { signal: {} }],
    ['purpose', { purpose: 5 }],
    ['holdLimit', { holdLimit: 0 }],
    ['pollInterval', { pollInterval: -5 }],
    ['reentrant', { reentrant: 1 }],
  ];

  it.each(wrong)('%s is refused by name, and nothing is touched: %o [F13]', async (input, options) => {
    const directory = join(tempDirectory(), 'locks');
    const manager = new LockManager({ directory });

    await expect(manager.acquire('mirror', options)).rejects.toMatchObject({ code: 'HOLDFAST_INPUT', input });
    await expect(manager.acquireAll(['mirror'], options)).rejects.toMatchObject({ input });
    expect(() => manager.acquireSync('mirror', options)).toThrow(InputError);

    expect(manager.query().held).toEqual([]);
  });

  it('of a manager is refused by name as well [F13]', () => {
    const options: readonly (readonly [string, object])[] = [
      ['timeout', { timeout: -1 }],
      ['holdLimit', { holdLimit: 0 }],
      ['pollInterval', { pollInterval: 0 }],
      ['record', { record: 'some' }],
      ['strict', { strict: 'yes' }],
      ['directory', { directory: 7 }],
    ];
    for (const [input, option] of options) {
      expect(() => new LockManager(option)).toThrow(
        expect.objectContaining({ code: 'HOLDFAST_INPUT', input }),
      );
    }
  });

  it('is shown short and harmless [F13, R66]', () => {
    const error = new InputError('lock name', 'x');
    expect(error.message).toBe('lock name x.');
    const long = `\u001b[2J${'x'.repeat(500)}`;
    const manager = new LockManager();
    const attempt = () => manager.pathOf({ file: `${long}\0` });
    expect(attempt).toThrow(/\\u001b\[2Jx+…/);
    try {
      attempt();
    } catch (error) {
      expect((error as Error).message.length).toBeLessThan(200);
    }
  });
});
