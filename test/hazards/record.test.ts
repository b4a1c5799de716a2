import { closeSync, mkdirSync, openSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import fc from 'fast-check';
import { BusyError, HoldfastError, type Lock, LockManager, toProblem, UnsupportedError } from 'holdfast';
import { describe, expect, it } from 'vitest';
import { BLOCK_BYTES, readRecord, readState } from '../../src/engine/kernel/block.ts';
import { syscalls } from '../../src/engine/kernel/syscalls/index.ts';
import { newLocks } from '../support/place.ts';

function tempManager(): { manager: LockManager; path: string } {
  const manager = newLocks();
  return { manager, path: manager.pathOf('mirror') };
}

function plant(path: string, content: Uint8Array | string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  writeFileSync(path, content);
}

/** A block as a holder leaves it that died while it held. */
async function abandonedBlock(): Promise<Buffer> {
  const { manager, path } = tempManager();
  const lock = await manager.acquire('mirror', { purpose: 'nightly save' });
  const block = readFileSync(path);
  await lock.release();
  return block;
}

/** Everything one can do with a lock whose file holds these bytes; mutual exclusion must work whatever they are. */
async function useLock(manager: LockManager, path: string, content: Buffer): Promise<Lock['degraded']> {
  const nobody = manager.inspect('mirror');
  expect(nobody).toMatchObject({ state: 'free', holders: [] });
  expect(manager.query().held).toEqual([]);

  const lock = await manager.acquire('mirror', { timeout: 0 });
  lock.assertHeld();
  await expect(manager.acquire('mirror', { timeout: 0 })).rejects.toBeInstanceOf(BusyError);
  expect(manager.inspect('mirror').state).toBe('exclusive');
  const foreign = lock.degraded.some(({ reason }) => reason === 'foreign-content');
  if (foreign) expect(() => lock.token).toThrow(UnsupportedError);
  else expect(lock.token).toBeGreaterThan(0);
  await lock.release();

  const reader = await manager.acquire('mirror', { mode: 'shared', timeout: 0 });
  expect(manager.inspect('mirror').state).toBe('shared');
  await reader.release();
  expect(manager.inspect('mirror')).toMatchObject({ state: 'free', holders: [] });
  expect(statSync(path).size).toBe(Math.max(content.length, foreign ? 0 : BLOCK_BYTES));
  return lock.degraded;
}

describe('a record that is not whole', () => {
  it('is taken for nobody’s wherever it ends, and costs the lock nothing but its token’s continuity [H15, R66]', async () => {
    const block = await abandonedBlock();
    const { manager, path } = tempManager();
    for (let length = 0; length <= block.length; length++) {
      plant(path, block.subarray(0, length));
      expect(manager.inspect('mirror')).toMatchObject({ state: 'free', holders: [] });
      const lock = await manager.acquire('mirror', { timeout: 0 });
      const whole = length === block.length;
      expect(lock.recovered, `length ${length}`).toBe(whole);
      expect(lock.degraded.map(({ reason }) => reason)).toEqual(
        length === 0 || whole ? [] : ['record-damaged'],
      );
      expect(statSync(path).size).toBe(BLOCK_BYTES);
      await lock.release();
    }
  });

  it('is never read as a holder, at whatever byte a write was torn [H15, R66]', async () => {
    const old = await abandonedBlock();
    const { manager, path } = tempManager();
    plant(path, old);
    await (await manager.acquire('mirror')).release();
    const next = readFileSync(path);
    for (let at = 0; at <= BLOCK_BYTES; at++) {
      plant(path, Buffer.concat([next.subarray(0, at), old.subarray(at)]));
      expect(manager.inspect('mirror')).toMatchObject({ state: 'free', holders: [] });
      const lock = await manager.acquire('mirror', { timeout: 0 });
      await lock.release();
    }
  });

  it('tells the next holder that its token starts anew, from the clock [H15, R66]', async () => {
    const { manager, path } = tempManager();
    const first = await manager.acquire('mirror');
    const { token } = first;
    await first.release();
    truncateSync(path, 700);

    const lock = await manager.acquire('mirror');

    expect(lock.degraded).toMatchObject([{ reason: 'record-damaged', path }]);
    expect(lock.token).toBeGreaterThan(token);
    await lock.release();
    const again = await manager.acquire('mirror');
    expect(again.degraded).toEqual([]);
    await again.release();
  });
});

describe('a record with any bytes in it', () => {
  it('never makes anything throw but typed errors, and never names a holder when nobody holds [H15, R66]', async () => {
    const block = await abandonedBlock();
    const { manager, path } = tempManager();
    const damage = fc.array(fc.tuple(fc.nat(BLOCK_BYTES - 1), fc.integer({ min: 0, max: 255 })), {
      minLength: 1,
      maxLength: 12,
    });
    await fc.assert(
      fc.asyncProperty(damage, fc.integer({ min: 0, max: 2 * BLOCK_BYTES }), async (changes, length) => {
        const content = Buffer.alloc(length);
        block.copy(content);
        for (const [at, byte] of changes) if (at < length) content[at] = byte;
        plant(path, content);
        await useLock(manager, path, content);
      }),
      { numRuns: 300 },
    );
  });

  it('never makes the reading of a block throw or invent a field [H15, R66]', async () => {
    const block = await abandonedBlock();
    const hostile = fc.oneof(
      fc.uint8Array({ minLength: 0, maxLength: BLOCK_BYTES }),
      fc
        .tuple(fc.nat(BLOCK_BYTES), fc.uint8Array({ minLength: 1, maxLength: 64 }))
        .map(([at, bytes]) =>
          Buffer.concat([block.subarray(0, at), bytes, block.subarray(at)]).subarray(0, BLOCK_BYTES),
        ),
    );
    fc.assert(
      fc.property(hostile, fc.integer({ min: -1, max: BLOCK_BYTES }), (bytes, length) => {
        const buffer = Buffer.alloc(BLOCK_BYTES);
        buffer.set(bytes);
        const state = readState(buffer, length, 'boot');
        expect(['empty', 'intact', 'torn', 'foreign']).toContain(state.kind);
        expect(Number.isSafeInteger(state.token) && state.token >= 0).toBe(true);
        const { name, holder = {} } = readRecord(buffer, length);
        expect(['string', 'undefined']).toContain(typeof name);
        expect(holder.pid ?? 1).toSatisfy(Number.isSafeInteger);
        expect(holder.since ?? '2026-11-20T14:02:11.123Z').toMatch(
          /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/,
        );
        for (const text of [holder.user, holder.host, holder.command, holder.purpose]) {
          expect(['string', 'undefined']).toContain(typeof text);
        }
      }),
      { numRuns: 3000 },
    );
  });
});

describe('a file with somebody else’s content in the lock’s place', () => {
  const contents: readonly (readonly [what: string, content: Buffer])[] = [
    ['text', Buffer.from('version = 1\n[[package]]\n'.repeat(100))],
    ['one byte', Buffer.from('x')],
    ['binary data', Buffer.from(Array.from({ length: 5000 }, (_, i) => (i * 7919) % 256))],
    ['a record of a later version', Buffer.from('holdfast-lock 2\nstate held\n'.padEnd(BLOCK_BYTES))],
    ['terminal escapes', Buffer.from('\u001b[2J\u001b]0;owned\u0007'.repeat(80))],
  ];

  it.each(contents)(
    'is left byte for byte as it was, and still excludes: %s [H15, R66]',
    async (_what, content) => {
      const { manager, path } = tempManager();
      plant(path, content);

      const degraded = await useLock(manager, path, content);

      expect(degraded).toMatchObject([{ reason: 'foreign-content', path }]);
      expect(readFileSync(path).equals(content)).toBe(true);
    },
  );

  it('is refused by a strict manager [H15, R66]', async () => {
    const { path } = tempManager();
    plant(path, 'precious');
    const strict = new LockManager({ directory: dirname(path), strict: true });

    await expect(strict.acquire('mirror')).rejects.toMatchObject({ code: 'HOLDFAST_DEGRADED' });

    expect(readFileSync(path, 'utf8')).toBe('precious');
    expect(strict.inspect('mirror').state).toBe('free');
  });
});

it('neither reads nor writes more than one block of a huge sparse file [H15, R66]', async () => {
  const { manager, path } = tempManager();
  plant(path, '');
  truncateSync(path, 2 ** 30);

  await useLock(manager, path, { length: 2 ** 30 } as Buffer);

  const { size, blocks } = statSync(path);
  expect(size).toBe(2 ** 30);
  expect(blocks * 512).toBeLessThanOrEqual(64 * 1024);
});

describe('a hostile record', () => {
  const escapes = '\u001b[2J\u001b]0;owned\u0007\u009b31m\u202e\r\n';

  /** The block of a living holder with its facts replaced by others, as any program could write it. */
  async function withHostileRecord(since?: string): Promise<{ manager: LockManager; error: unknown }> {
    const { manager, path } = tempManager();
    const lock = await manager.acquire('mirror');
    const text = readFileSync(path, 'latin1');
    const [head = ''] = text.split('name ');
    const hostile = `"${[...escapes].map((c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`).join('')}"`;
    const facts = [
      `name ${hostile}`,
      `pid ${process.pid}`,
      `pidns ${/pidns (\d+)/.exec(text)?.[1]}`,
      ...['user', 'host', 'command', 'purpose'].map((key) => `${key} ${hostile}`),
    ];
    let block = `${head}${facts.join('\n')}`.padEnd(1002);
    if (since !== undefined) block = block.replace(/since .{24}/, `since ${since.padEnd(24)}`);
    await lock.release();
    plant(path, Buffer.from(`${block}${text.slice(1002)}`, 'latin1'));
    const fd = openSync(path, 'r+'); // no lock of Holdfast's, which would know itself
    syscalls().lock(fd, 'exclusive');
    const error = await manager.acquire('mirror', { timeout: 0 }).catch((error: unknown) => error);
    closeSync(fd);
    return { manager, error };
  }

  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters that must not come out
  const control = /[\u0000-\u001f\u007f-\u009f\u202a-\u202e]/;

  it('sends no escape sequence to a terminal through a message [H15, R66]', async () => {
    const { error } = await withHostileRecord();

    expect(error).toBeInstanceOf(BusyError);
    const busy = error as BusyError;
    expect(busy.holder?.purpose).toBe(escapes);
    expect(busy.message).toContain('\\u001b[2J');
    expect(busy.message).not.toMatch(control);
    expect(toProblem(busy)?.body.detail).not.toMatch(control);
  });

  it('passes off nothing but a time as the time since when [H15, R66]', async () => {
    const { error } = await withHostileRecord('2026 (\u001b[2Jowned)');

    expect((error as BusyError).holder).not.toHaveProperty('since');
    expect(toProblem(error)?.body.detail).not.toMatch(control);
  });
});

it('takes an error of Holdfast for one by its brand, not by its class [C3]', () => {
  expect({ [Symbol.for('holdfast.error')]: true, code: 'HOLDFAST_BUSY' }).toBeInstanceOf(HoldfastError);
});
