import { constants } from 'node:os';
import { join } from 'node:path';
import * as holdfast from 'holdfast';
import { BusyError, HoldfastError, InputError, LockManager, LostError, TimeoutError } from 'holdfast';
import { describe, expect, it, vi } from 'vitest';
import { systemCode } from '../../src/errors/base.ts';
import { DocumentTimeoutError, LinkedError, UnreadableError } from '../../src/errors/document-errors.ts';
import { ContentionError, LockError } from '../../src/errors/lock-errors.ts';
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

describe('an error class', () => {
  it.each(Object.keys(codes))('%s is exported under its stable code [C3]', (name) => {
    const exported = (holdfast as unknown as Record<string, { code: string }>)[name];
    expect(exported?.code).toBe(codes[name]);
  });

  it('is recognised across two copies of the package [C3]', async () => {
    vi.resetModules(); // what is imported from here on is loaded anew
    const copy = await import('holdfast');
    expect(copy.InputError).not.toBe(InputError);
    const theirs = new copy.InputError('x', 'is wrong');

    expect(theirs).toBeInstanceOf(InputError);
    expect(theirs).toBeInstanceOf(HoldfastError);
    expect(theirs).not.toBeInstanceOf(BusyError);
    expect(theirs).not.toBeInstanceOf(LockError);
    const facts = { resource: 'mirror', path: '/mirror', cliName: 'mirror', holders: [], waited: 5 };
    expect(new copy.BusyError(facts)).toBeInstanceOf(LockError);
    expect(new Error('x')).not.toBeInstanceOf(HoldfastError);
    expect(null).not.toBeInstanceOf(HoldfastError);
  });

  it('that shares the code of another one is told from it [C3]', () => {
    const facts = { resource: 'mirror', path: '/mirror', cliName: 'mirror', holders: [], waited: 5 };
    const late = new TimeoutError(facts);
    const nothing = () => Promise.resolve();
    const choices = { retry: nothing, later: nothing, cancel: () => {} };
    const documentIsLate = new DocumentTimeoutError('/roles.json', late, choices);
    const mine = new (class extends BusyError {})(facts);
    const is = (error: unknown, ...classes: readonly (new (...args: never[]) => unknown)[]) =>
      classes.map((each) => error instanceof each);

    expect(is(new UnreadableError('/x', 'is a FIFO'), UnreadableError, LinkedError)).toEqual([true, false]);
    expect(is(new LinkedError('/x'), UnreadableError, LinkedError)).toEqual([true, true]);
    expect(is(late, TimeoutError, DocumentTimeoutError)).toEqual([true, false]);
    expect(is(documentIsLate, TimeoutError, DocumentTimeoutError)).toEqual([true, true]);
    expect(is(new LostError(facts, 'hold-limit'), LockError, ContentionError)).toEqual([true, false]);
    expect(is(late, LockError, ContentionError)).toEqual([true, true]);
    expect(is(new BusyError(facts), mine.constructor as never, BusyError)).toEqual([false, true]);
    expect(is(mine, mine.constructor as never, BusyError)).toEqual([true, true]);
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

  it.each(wrong)('%s is refused by name, and nothing is touched: %o [R82]', async (input, options) => {
    const directory = join(tempDirectory(), 'locks');
    const manager = new LockManager({ directory });

    await expect(manager.acquire('mirror', options)).rejects.toMatchObject({ code: 'HOLDFAST_INPUT', input });
    await expect(manager.acquireAll(['mirror'], options)).rejects.toMatchObject({ input });
    expect(() => manager.acquireSync('mirror', options)).toThrow(InputError);

    expect(manager.query().held).toEqual([]);
  });

  it('of a manager is refused by name as well [R82]', () => {
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

  it('is shown short and harmless [R82]', () => {
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

it('an error of the system has the name of its number also where Node.js knows none [C3, H17]', () => {
  const unnamed = (errno: number) =>
    systemCode(Object.assign(new Error(), { errno: -errno, code: `Unknown system error -${errno}` }));

  expect(unnamed(constants.errno.ESTALE)).toBe('ESTALE');
  expect(unnamed(constants.errno.EDQUOT)).toBe('EDQUOT');
  expect(unnamed(4321)).toBe('Unknown system error -4321');
});
