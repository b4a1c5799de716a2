import { existsSync } from 'node:fs';
import { join } from 'node:path';
import {
  type AcquireOptions,
  AuditLog,
  acquireLock,
  acquireLockSync,
  BusyError,
  cleanStale,
  type Lock,
  LockManager,
  onCacheEvent,
  onDocumentEvent,
  onLockEvent,
  toProblem,
  withLock,
  withLockSync,
} from 'holdfast';
import { OnceCommand, once } from 'holdfast/once';
import { describe, expect, it } from 'vitest';
import { newLocks } from '../support/place.ts';
import { tempDirectory } from '../support/temp.ts';

/** What JavaScript passes, where types do not see to it. */
const bad = <T>(value: unknown) => value as T;
const names = (input: string) => expect.objectContaining({ code: 'HOLDFAST_INPUT', input });
const newFile = () => join(tempDirectory(), 'data.json');

describe('acquireLock and acquireLockSync', () => {
  it('take options, as all other calls do [X48]', async () => {
    const path = newFile();
    const reader = await acquireLock(path, { mode: 'shared', timeout: 0 });
    using other = acquireLockSync(path, { mode: 'shared', purpose: 'to read' });
    expect([reader.mode, other.mode]).toEqual(['shared', 'shared']);

    await expect(acquireLock(path, { timeout: 0 })).rejects.toBeInstanceOf(BusyError);
    expect(() => acquireLockSync(path, { timeout: 0 })).toThrow(BusyError);
    await expect(acquireLock(path, { signal: AbortSignal.abort('enough') })).rejects.toBe('enough');
    await reader.release();
  });

  it('take true and false for exclusive and shared, and undefined for neither [X48, R54]', async () => {
    const path = newFile();
    for (const [given, mode] of [
      [true, 'exclusive'],
      [false, 'shared'],
      [undefined, 'exclusive'],
    ] as const) {
      await using lock = await acquireLock(path, given);
      expect(lock.mode).toBe(mode);
      await lock.release();
      using sync = acquireLockSync(path, given);
      expect(sync.mode).toBe(mode);
    }
  });
});

describe('the calls that run a body', () => {
  const body = ({ mode }: Lock) => mode;

  it('take it alone, or behind options, all alike [X48]', async () => {
    const path = newFile();
    const locks = newLocks();
    const options: readonly (AcquireOptions | undefined)[] = [undefined, {}, { mode: 'exclusive' }];

    expect(withLockSync(path, body)).toBe('exclusive');
    expect(locks.withSync('mirror', body)).toBe('exclusive');
    expect(await withLock(path, body)).toBe('exclusive');
    expect(await locks.with('mirror', body)).toBe('exclusive');
    for (const each of options) {
      expect(withLockSync(path, each, body)).toBe('exclusive');
      expect(locks.withSync('mirror', each, body)).toBe('exclusive');
      expect(await withLock(path, each, body)).toBe('exclusive');
      expect(await locks.with('mirror', each, body)).toBe('exclusive');
    }
    expect(withLockSync(path, { mode: 'shared' }, body)).toBe('shared');
    expect(locks.withSync('mirror', { mode: 'shared' }, body)).toBe('shared');
  });
});

/** What no options are. */
const NO_OPTIONS: readonly unknown[] = [
  null,
  5,
  'shared',
  [],
  () => {},
  new Map(),
  new AbortController().signal,
];

describe('an argument of a wrong type is refused by name, before anything is touched', () => {
  it.each(NO_OPTIONS)('%o as options [X48]', async (value) => {
    const path = newFile();
    const locks = newLocks();
    const lock = await locks.acquire('other', { mode: 'shared' });
    const body = () => {};

    await expect(acquireLock(path, bad(value))).rejects.toEqual(names('options'));
    expect(() => acquireLockSync(path, bad(value))).toThrow(names('options'));
    await expect(withLock(path, bad(value), body)).rejects.toEqual(names('options'));
    expect(() => withLockSync(path, bad(value), body)).toThrow(names('options'));
    await expect(locks.tryAcquire('x', bad(value))).rejects.toEqual(names('options'));
    await expect(locks.untilFree('x', bad(value))).rejects.toEqual(names('options'));
    await expect(lock.upgrade(bad(value))).rejects.toEqual(names('options'));
    await expect(cleanStale(locks.directory, bad(value))).rejects.toEqual(names('options'));
    await expect(once('x', body, bad(value))).rejects.toEqual(names('options'));
    expect(() => new LockManager(bad(value))).toThrow(names('options'));
    expect(() => new OnceCommand('x', ['true'], bad(value))).toThrow(names('options'));
    expect(() => toProblem(new Error('x'), bad(value))).toThrow(names('options'));

    expect(existsSync(join(path, '../.data.json.lock'))).toBe(false);
    await lock.release();
  });

  it.each([undefined, null, {}, 'save', 5])('%o as the body [X48]', async (value) => {
    const path = newFile();
    const locks = newLocks();
    for (const rest of [[], [{}], [undefined], [{ timeout: 0 }]]) {
      const args = bad<[never]>([...rest, value]);
      await expect(withLock(path, ...args)).rejects.toEqual(names('body'));
      expect(() => withLockSync(path, ...args)).toThrow(names('body'));
      await expect(locks.with('x', ...args)).rejects.toEqual(names('body'));
      expect(() => locks.withSync('x', ...args)).toThrow(names('body'));
    }
    await expect(once('x', bad(value))).rejects.toEqual(names('work'));
  });

  it.each([undefined, null, 5, {}, [], Object.create(null)])('%o as a path [X48]', async (value) => {
    await expect(acquireLock(bad(value))).rejects.toEqual(names('lock path'));
    expect(() => acquireLockSync(bad(value))).toThrow(names('lock path'));
    await expect(withLock(bad(value), () => {})).rejects.toEqual(names('lock path'));
    expect(() => withLockSync(bad(value), () => {})).toThrow(names('lock path'));
    await expect(newLocks().acquire({ file: bad(value) })).rejects.toEqual(names('lock path'));
  });

  it('as an event or its listener, an option of an audit log, and whatever else [X48]', async () => {
    for (const on of bad<(typeof onLockEvent)[]>([onLockEvent, onCacheEvent, onDocumentEvent])) {
      expect(() => on(bad<'granted'>('grantd'), () => {})).toThrow(names('name'));
      expect(() => on(bad<'granted'>('constructor'), () => {})).toThrow(names('name'));
    }
    expect(() => onLockEvent('granted', bad({}))).toThrow(names('listener'));
    const path = newFile();
    expect(() => new AuditLog(bad(null))).toThrow(names('options'));
    expect(() => new AuditLog({ path, filter: bad(true) })).toThrow(names('audit.filter'));
    expect(() => new AuditLog({ path, record: bad('none') })).toThrow(names('audit.record'));
    expect(() => toProblem(undefined, { status: bad('409') })).toThrow(names('status'));
    expect(() => toProblem(undefined, { retryAfter: -1 })).toThrow(names('retryAfter'));
    await expect(cleanStale('.', { dryRun: bad('no') })).rejects.toEqual(names('dryRun'));
  });
});

describe('an option that would be passed over in silence is refused', () => {
  it('a time to wait, where nothing waits [X48]', async () => {
    const locks = newLocks();
    await expect(locks.tryAcquire('x', bad({ timeout: 5_000 }))).rejects.toEqual(names('timeout'));
    const lock = await locks.tryAcquire('x', bad({ timeout: 0 }));
    await lock?.release();
    expect(lock).toBeDefined();
  });

  it('a name that there is not, of once and of cleanStale too [X48]', async () => {
    await expect(once('x', () => 1, bad({ tll: 5 }))).rejects.toEqual(names('tll'));
    expect(() => new OnceCommand('x', ['true'], bad({ any: true }))).toThrow(names('any'));
    const command = new OnceCommand('x', ['true'], { directory: tempDirectory() });
    await expect(command.stop(bad({ garce: 5 }))).rejects.toEqual(names('garce'));
    await expect(command.follow(bad(5))).rejects.toEqual(names('sink'));
    await expect(command.follow(() => {}, bad({ sginal: 5 }))).rejects.toEqual(names('sginal'));
    await expect(cleanStale('.', bad({ dryrun: true }))).rejects.toEqual(names('dryrun'));
    expect(() => toProblem(undefined, bad({ stauts: 423 }))).toThrow(names('stauts'));
  });
});
