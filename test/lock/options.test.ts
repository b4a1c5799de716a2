import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type AcquireOptions, InputError, LockManager, type ManagerOptions, type Target } from 'holdfast';
import { describe, expect, it } from 'vitest';
import { heard } from '../support/events.ts';
import { newLocks } from '../support/place.ts';
import { tempDirectory } from '../support/temp.ts';

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
  ['lease', { lease: 9 }], // over before it could be granted
  ['lease', { lease: Number.POSITIVE_INFINITY }],
  ['lease', { engine: 'kernel', lease: 1000 }],
  ['staleAfter', { staleAfter: '5m' }],
  ['timeot', { timeot: 5 }],
  ['constructor', { constructor: 5 }],
];

/** What stands where an object of options belongs. */
const noOptions: readonly unknown[] = [null, 5, 'shared', true, Symbol('mode'), () => {}];

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
  ['lock name', { name: 5, mode: undefined }],
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
  ['fallbackdirectory', { fallbackdirectory: '/tmp' }],
  ['audit.path', { audit: 'log' }],
];

const names = (input: string) => expect.objectContaining({ code: 'HOLDFAST_INPUT', input });

/** Every call that takes a target and options; each must refuse before anything else happens. */
async function expectRefusal(input: string, target: Target, options: AcquireOptions): Promise<void> {
  await expectRefusalOfOne(input, target, options);
  const locks = newLocks();
  await expect(locks.acquireAll(['fine', target], options)).rejects.toEqual(names(input));
  expect(existsSync(locks.directory)).toBe(false);
}

async function expectRefusalOfOne(
  input: string,
  target: Target,
  options: AcquireOptions = {},
): Promise<void> {
  const directory = join(tempDirectory(), 'locks');
  const locks = new LockManager({ directory });
  const requests = heard('requested');
  let ran = false;
  const body = () => {
    ran = true;
  };

  await expect(locks.acquire(target, options)).rejects.toEqual(names(input));
  await expect(locks.with(target, options, body)).rejects.toEqual(names(input));
  expect(() => locks.acquireSync(target, options)).toThrow(names(input));
  expect(() => locks.withSync(target, options, body)).toThrow(names(input));
  await expect(locks.tryAcquire(target, options)).rejects.toEqual(names(input));

  expect(ran).toBe(false);
  expect(requests).toEqual([]);
  expect(existsSync(directory)).toBe(false);
}

describe('an option that cannot be used is refused by name before anything is touched', () => {
  it.each(badAcquireOptions)('%s: %o [R82]', (input, options) =>
    expectRefusal(input, 'mirror', bad(options)),
  );

  it.each(badTargets)('%s: %o [R82]', async (input, target) => {
    await expectRefusal(input, bad(target), {});
    const locks = newLocks();
    expect(() => locks.inspect(bad(target))).toThrow(names(input));
    expect(() => locks.pathOf(bad(target))).toThrow(names(input));
    await expect(locks.untilFree(bad(target))).rejects.toEqual(names(input));
  });

  it.each(badManagerOptions)('of a manager, %s: %o [R82]', (input, options) => {
    expect(() => new LockManager(bad<ManagerOptions>(options))).toThrow(names(input));
  });

  it.each(noOptions)('of whatever kind, where the options belong: %s [R82]', async (value) => {
    await expectRefusal('options', 'mirror', bad(value));
    const locks = newLocks();
    expect(() => new LockManager(bad<ManagerOptions>(value))).toThrow(names('options'));
    await expect(locks.untilFree('mirror', bad(value))).rejects.toEqual(names('options'));
    await expect(locks.acquireAll([], bad(value))).rejects.toEqual(names('options'));
  });

  it.each([
    ['options', null],
    ['options', 5],
    ['timeout', { timeout: Number.NaN }],
    ['timeout', { timeout: -5 }],
    ['timeout', { timeout: 'soon' }],
    ['signal', { signal: {} }],
    ['mode', { mode: 'exclusive' }],
  ])('of an upgrade, %s: %j [R82]', async (input, options) => {
    const locks = newLocks();
    const lock = await locks.acquire('mirror', { mode: 'shared' });

    await expect(lock.upgrade(bad(options))).rejects.toEqual(names(input));

    expect(lock.mode).toBe('shared');
    await lock.release();
  });

  it.each([
    ['signal', { signal: 'x' }],
    ['sginal', { sginal: AbortSignal.abort() }],
  ])('of a watch, %s: %j [R82]', async (input, options) => {
    await expect(newLocks().untilFree('mirror', bad(options))).rejects.toEqual(names(input));
  });

  it.each([undefined, null, 'abc', { name: 'mirror' }])(
    'of several locks, that are none: %j',
    async (targets) => {
      const locks = newLocks();

      await expect(locks.acquireAll(bad(targets))).rejects.toEqual(names('targets'));

      expect(existsSync(locks.directory)).toBe(false);
    },
  );

  it.each([undefined, null, {}, 'save', Promise.resolve()])('of a body that is none: %s', async (body) => {
    const locks = newLocks();

    await expect(locks.with('mirror', bad<never>(body))).rejects.toEqual(names('body'));
    await expect(locks.with('mirror', {}, bad<never>(body))).rejects.toEqual(names('body'));
    expect(() => locks.withSync('mirror', {}, bad<never>(body))).toThrow(names('body'));

    expect(existsSync(locks.directory)).toBe(false);
  });

  it('of a mode that stands in the target, where it would mean nothing but for several [R82]', async () => {
    const target = { name: 'mirror', mode: 'shared' };

    await expectRefusalOfOne('mode', bad(target));
    const locks = newLocks();
    await expect(locks.acquire(bad(target))).rejects.toThrow(
      'mode is an option, not part of what is locked: pass it as acquire(target, { mode }).',
    );
    const all = await locks.acquireAll([bad(target), 'registry']);
    expect(all.locks.map(({ resource, mode }) => [resource, mode]).toSorted()).toEqual([
      ['mirror', 'shared'],
      ['registry', 'exclusive'],
    ]);
    await all.release();
  });

  it('of terms that do not go with those of the manager [R82]', async () => {
    const kernel = newLocks({ engine: 'kernel' });
    const portable = newLocks({ engine: 'portable' });

    await expect(kernel.acquire('mirror', { lease: 1_000 })).rejects.toEqual(names('lease'));
    await expect(portable.acquire('mirror', { require: 'kernel' })).rejects.toEqual(names('require'));

    await (await kernel.acquire('mirror', { lease: 1_000, engine: 'portable' })).release();
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
  it('says what was expected and shows what came, harmlessly [R82]', () => {
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
    expect(message({ timeot: 5 })).toBe('timeot is not an option (did you mean timeout?).');
    expect(message({ wait: 5 })).toBe(
      'wait is not an option; there are scope, directory, fallbackDirectory, strict, timeout, holdLimit, pollInterval, ' +
        'record, audit, engine, require, layout, lease, staleAfter.',
    );
    expect(message(bad('/var/locks'))).toBe('options must be an object, got "/var/locks".');
    expect(message({ '\u001b[2J': 1 })).not.toContain('\u001b');
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
