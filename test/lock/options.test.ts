import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type AcquireOptions, InputError, LockManager, type ManagerOptions, type Target } from 'holdfast';
import { describe, expect, it } from 'vitest';
import { tempDirectory } from '../support/temp.ts';
import { heard } from './place.ts';

/** What is wrong with it is the point of each, so types are left aside. */
const bad = <T>(value: unknown) => value as T;

const badAcquireOptions: readonly (readonly [input: string, options: Record<string, unknown>])[] = [
  ['mode', { mode: 'write' }],
  ['mode', { mode: 1 }],
  ['mode', { mode: null }],
  ['timeout', { timeout: -1 }],
  ['timeout', { timeout: Number.NaN }],
  ['timeout', { timeout: Number.NEGATIVE_INFINITY }],
  ['timeout', { timeout: '5000' }],
  ['timeout', { timeout: null }],
  ['timeout', { timeout: 10n }],
  ['signal', { signal: {} }],
  ['signal', { signal: new AbortController() }],
  ['signal', { signal: null }],
  ['purpose', { purpose: 5 }],
  ['purpose', { purpose: Symbol('save') }],
  ['holdLimit', { holdLimit: 0 }],
  ['holdLimit', { holdLimit: -5 }],
  ['holdLimit', { holdLimit: Number.NaN }],
  ['holdLimit', { holdLimit: '30s' }],
  ['pollInterval', { pollInterval: 0 }],
  ['pollInterval', { pollInterval: [] }],
  ['reentrant', { reentrant: 'yes' }],
  ['reentrant', { reentrant: 1 }],
  ['holding', { holding: 'registry' }],
  ['holding', { holding: ['registry'] }],
  ['holding', { holding: [null] }],
  ['engine', { engine: 'flock' }],
  ['engine', { engine: null }],
  ['require', { require: 'strong' }],
  ['require', { require: true }],
  ['require', { engine: 'portable', require: 'kernel' }],
  ['layout', { layout: 'folder' }],
  ['lease', { lease: 0 }],
  ['lease', { lease: Number.POSITIVE_INFINITY }],
  ['lease', { engine: 'kernel', lease: 1000 }],
  ['staleAfter', { staleAfter: '5m' }],
];

const badTargets: readonly (readonly [input: string, target: unknown])[] = [
  ['lock name', ''],
  ['lock name', { name: '' }],
  ['lock name', { name: 5 }],
  ['lock name', {}],
  ['lock name', { name: 'a', file: 'b' }],
  ['lock name', null],
  ['lock name', undefined],
  ['lock name', 5],
  ['lock name', ['mirror']],
  ['lock path', { file: '' }],
  ['lock path', { file: 'a\0b' }],
  ['lock path', { file: '/' }],
];

const badManagerOptions: readonly (readonly [input: string, options: Record<string, unknown>])[] = [
  ['directory', { directory: '' }],
  ['directory', { directory: 5 }],
  ['directory', { directory: 'a\0b' }],
  ['fallbackDirectory', { fallbackDirectory: '' }],
  ['fallbackDirectory', { fallbackDirectory: true }],
  ['timeout', { timeout: -1 }],
  ['timeout', { timeout: 'soon' }],
  ['holdLimit', { holdLimit: 0 }],
  ['pollInterval', { pollInterval: -1 }],
  ['record', { record: 'none' }],
  ['strict', { strict: 'yes' }],
  ['scope', { scope: 'machine' }],
];

const names = (input: string) => expect.objectContaining({ code: 'HOLDFAST_INPUT', input });

/** Every call that takes a target and options; each must refuse before anything else happens. */
async function expectRefusal(input: string, target: Target, options: AcquireOptions): Promise<void> {
  const directory = join(tempDirectory(), 'locks');
  const locks = new LockManager({ directory });
  const requests = heard('requested');
  let ran = false;
  const body = () => {
    ran = true;
  };

  await expect(locks.acquire(target, options)).rejects.toEqual(names(input));
  await expect(locks.with(target, options, body)).rejects.toEqual(names(input));
  await expect(locks.acquireAll(['fine', target], options)).rejects.toEqual(names(input));
  expect(() => locks.acquireSync(target, options)).toThrow(names(input));
  expect(() => locks.withSync(target, options, body)).toThrow(names(input));
  if (input !== 'timeout') await expect(locks.tryAcquire(target, options)).rejects.toEqual(names(input));

  expect(ran).toBe(false);
  expect(requests).toEqual([]);
  expect(existsSync(directory)).toBe(false);
}

describe('an option that cannot be used is refused by name before anything is touched', () => {
  it.each(badAcquireOptions)('%s: %o [G10, F13]', (input, options) =>
    expectRefusal(input, 'mirror', bad(options)),
  );

  it.each(badTargets)('%s: %o [G10, F13]', async (input, target) => {
    await expectRefusal(input, bad(target), {});
    const locks = new LockManager({ directory: join(tempDirectory(), 'locks') });
    expect(() => locks.inspect(bad(target))).toThrow(names(input));
    expect(() => locks.pathOf(bad(target))).toThrow(names(input));
    await expect(locks.untilFree(bad(target))).rejects.toEqual(names(input));
  });

  it.each(badManagerOptions)('of a manager, %s: %o [G10, F13]', (input, options) => {
    expect(() => new LockManager(bad<ManagerOptions>(options))).toThrow(names(input));
  });

  it('of one lock among several, in whatever place', async () => {
    const directory = join(tempDirectory(), 'locks');
    const locks = new LockManager({ directory });

    const all = locks.acquireAll(['fine', { name: 'mirror', mode: bad('write') }]);

    await expect(all).rejects.toEqual(names('mode'));
    expect(existsSync(directory)).toBe(false);
  });
});

describe('the message of a refused option', () => {
  it('says what was expected and shows what came, harmlessly [F13]', () => {
    const message = (options: Record<string, unknown>): string => {
      try {
        new LockManager(bad<ManagerOptions>(options));
      } catch (error) {
        expect(error).toBeInstanceOf(InputError);
        return (error as Error).message;
      }
      return '';
    };

    expect(message({ timeout: '5 s' })).toBe(
      'timeout must be a number of milliseconds, 0 or more (Infinity waits for ever), got "5 s".',
    );
    expect(message({ holdLimit: 0 })).toBe('holdLimit must be a number of milliseconds above 0, got 0.');
    expect(message({ record: '\u001b[2J' })).not.toContain('\u001b');
    expect(message({ directory: `a\0${'b'.repeat(500)}` }).length).toBeLessThan(150);
  });
});

describe('options that are left out', () => {
  it('take the default of the manager, and 5 s without one [G10, R5]', async () => {
    const directory = join(tempDirectory(), 'locks');
    const requests = heard('requested');

    await (await new LockManager({ directory }).acquire('mirror')).release();
    await (await new LockManager({ directory, timeout: 70 }).acquire('mirror')).release();
    await (await new LockManager({ directory, timeout: 70 }).acquire('mirror', { timeout: 7 })).release();

    expect(requests.map(({ timeout }) => timeout)).toEqual([5_000, 70, 7]);
  });

  it('may be given as undefined as well', async () => {
    const directory = join(tempDirectory(), 'locks');
    const nothing = { timeout: undefined, mode: undefined, signal: undefined, purpose: undefined };
    const locks = new LockManager(bad<ManagerOptions>({ ...nothing, directory, strict: undefined }));

    await (await locks.acquire('mirror', bad<AcquireOptions>(nothing))).release();
  });

  it('are not changed by the caller’s later changes to the object it passed', async () => {
    const options = { directory: join(tempDirectory(), 'locks'), timeout: 70 };
    const locks = new LockManager(options);
    options.timeout = -1;
    const requests = heard('requested');

    await (await locks.acquire('mirror')).release();

    expect(requests.map(({ timeout }) => timeout)).toEqual([70]);
  });
});
