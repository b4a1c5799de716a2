import { describe, expect, it } from 'vitest';
import {
  BLOCK_BYTES,
  formatBlock,
  readRecord,
  readState,
  writeCounters,
  writeSince,
} from '../../../src/engine/kernel/block.ts';
import type { HolderRecord } from '../../../src/identity/holder.ts';

const BOOT = '6a3f1d52-7c1e-4c58-9b0d-2f0a1c9d8e77';
const SINCE = Date.parse('2026-11-20T14:02:11.123Z');

const holder: HolderRecord = {
  pid: 4711,
  start: '123456',
  pidNamespace: '4026531836',
  timeNamespace: '4026531834',
  machine: '0123456789abcdef',
  thread: 3,
  child: { pid: 4712, start: '123460' },
  user: 'deploy',
  host: 'build-1',
  command: 'aba mirror save --all',
  purpose: 'nightly save',
};

interface Parts {
  readonly name?: string;
  readonly boot?: string;
  readonly holder?: HolderRecord | undefined;
  readonly token?: number;
  readonly bound?: number;
}

function written({ name = 'mirror', boot = BOOT, token = 7, bound = 9, ...rest }: Parts = {}): Buffer {
  const block = Buffer.alloc(BLOCK_BYTES, 0xff); // whatever was there before
  formatBlock(block, name, boot, 'holder' in rest ? rest.holder : holder);
  writeCounters(block, token, bound);
  if (!('holder' in rest) || rest.holder !== undefined) writeSince(block, SINCE);
  return block;
}

const stateOf = (block: Buffer, boot = BOOT) => readState(block, block.length, boot);
const recordOf = (block: Buffer) => readRecord(block, block.length);

describe('a block that was written', () => {
  it('gives back every fact about its holder [R3, F3, G12]', () => {
    const { name, holder: read } = recordOf(written());

    expect(name).toBe('mirror');
    expect(read).toEqual({ ...holder, boot: BOOT, since: '2026-11-20T14:02:11.123Z' });
  });

  it('gives back its counters, and knows the boot they were counted in', () => {
    expect(stateOf(written({ token: 123, bound: 456 }))).toEqual({
      kind: 'intact',
      held: true,
      token: 123,
      bound: 456,
      sameBoot: true,
    });
    expect(stateOf(written(), 'another-boot').sameBoot).toBe(false);
    expect(stateOf(written({ boot: '' }), '').sameBoot).toBe(true);
    expect(stateOf(written({ boot: '' }), BOOT).sameBoot).toBe(false);
  });

  it.each([1, 9, 10, 99_999_999, 100_000_000, 100_000_001, 1_763_654_531_123_001, 2 ** 53 - 2])(
    'counts exactly at %d',
    (value) => {
      expect(stateOf(written({ token: value, bound: value }))).toMatchObject({ token: value, bound: value });
    },
  );

  it('takes a number that a double cannot count exactly for damage', () => {
    const block = written({ token: 1 });
    const digits = String(2 ** 53).padStart(16, '0');
    const text = block.toString('latin1').replaceAll('0000000000000001', digits);

    expect(stateOf(Buffer.from(text, 'latin1')).kind).toBe('torn');
  });

  it('names nobody once it is free, but keeps its counters and its name', () => {
    const block = written({ holder: undefined, token: 7 });

    expect(stateOf(block)).toMatchObject({ kind: 'intact', held: false, token: 7 });
    expect(recordOf(block)).toEqual({ name: 'mirror' });
    expect(block.toString('latin1')).not.toMatch(/pid|user|host|command/);
  });

  it('is held also when its holder hides everything about itself [R68]', () => {
    const block = written({ holder: {} });

    expect(stateOf(block).held).toBe(true);
    expect(Object.keys(recordOf(block).holder ?? {}).sort()).toEqual(['boot', 'since']);
  });

  it('is printable text of full lines that ends where the block ends', () => {
    const text = written({ name: 'a\nb\u0000\u001b[2Jé😀' }).toString('latin1');

    expect(text).toHaveLength(BLOCK_BYTES);
    expect(text).toMatch(/^[\n\u0020-\u007e]*$/);
    expect(text).toMatch(/^holdfast-lock 1\nstate held\ntoken 0{15}7\n/);
    expect(text).toMatch(/\nend 0{15}7\n$/);
  });

  it.each(['', 'ü', '😀'.repeat(10), '\ud800', 'a"b\\c', 'line\nend 1', ' '.repeat(30), '\u2028'])(
    'gives back the name %j and the purpose %j as they were',
    (text) => {
      const { name, holder: read } = recordOf(written({ name: text, holder: { ...holder, purpose: text } }));

      expect(name).toBe(text);
      expect(read?.purpose).toBe(text);
    },
  );

  it('keeps the longest host name whole, which is compared with others [H5]', () => {
    const host = 'h'.repeat(64);

    expect(recordOf(written({ holder: { ...holder, host } })).holder?.host).toBe(host);
  });

  it('cuts texts that are too long, marks the cut, and loses no other fact to them', () => {
    const long = '"\n😀'.repeat(2_000);
    const numbers = {
      pid: 2 ** 31 - 1,
      start: '133765432101234567',
      thread: 2 ** 31 - 1,
      child: { pid: 2 ** 31 - 1, start: '133765432101234567' },
    };
    const facts = { ...holder, ...numbers, user: long, host: long, command: long, purpose: long };
    const block = written({ name: long, holder: facts });
    const { name, holder: read } = recordOf(block);

    expect(stateOf(block).kind).toBe('intact');
    const { machine, pidNamespace, timeNamespace } = holder;
    expect(read).toMatchObject({ ...numbers, machine, pidNamespace, timeNamespace });
    for (const text of [name, read?.user, read?.host, read?.command, read?.purpose]) {
      expect(text).toMatch(/…$/);
      expect(long.startsWith(text?.slice(0, -1) ?? '?')).toBe(true);
    }
  });

  it.each(['"', '\\', '\u007f', '\t', 'é'])(
    'reads back a text with %j wherever it stands, up to the length at which texts are cut',
    (unit) => {
      for (let length = 0; length <= 130; length++) {
        for (const purpose of [
          'p'.repeat(length),
          `${'p'.repeat(length)}${unit}`,
          `${unit}${'p'.repeat(length)}`,
        ]) {
          const read = recordOf(written({ holder: { ...holder, purpose } })).holder?.purpose ?? '';

          if (read !== purpose)
            expect(`${purpose}…`.startsWith(read.slice(0, -1)) && read.endsWith('…')).toBe(true);
          if (purpose === 'p'.repeat(121)) expect(read).toBe(purpose);
          if (purpose === 'p'.repeat(122)) expect(read).toBe(`${'p'.repeat(121)}…`);
        }
      }
    },
  );

  it('shows the milliseconds of its time right, second after second', () => {
    for (const ms of [0, 7, 42, 999, 1_000, 59_999]) {
      const block = written();
      writeSince(block, SINCE - 123 + ms);
      expect(recordOf(block).holder?.since).toBe(new Date(SINCE - 123 + ms).toISOString());
    }
  });
});

describe('a block that is damaged', () => {
  it('is torn when it was cut at any byte, and tells nothing [H15, R66]', () => {
    const whole = written();
    for (let length = 1; length < BLOCK_BYTES; length++) {
      const buffer = Buffer.from(whole); // what lies after the cut is left from an earlier read
      expect([length, readState(buffer, length, BOOT).kind]).toEqual([length, 'torn']);
      expect(readRecord(buffer, length)).toEqual({});
    }
    expect(readState(whole, 0, BOOT).kind).toBe('empty');
    expect(readState(whole, -5, BOOT).kind).toBe('empty');
  });

  it('is torn wherever a write of the next token stopped half-way, unless nothing of it arrived [H14, H15]', () => {
    const before = written({ token: 7, bound: 9 });
    const after = written({ token: 8, bound: 9 });
    const first = before.findIndex((byte, at) => byte !== after[at]);
    const last = before.findLastIndex((byte, at) => byte !== after[at]);
    for (let cut = 0; cut <= BLOCK_BYTES; cut++) {
      const state = stateOf(Buffer.concat([after.subarray(0, cut), before.subarray(cut)]));
      const expected = cut <= first ? 7 : cut > last ? 8 : 'torn';
      expect([cut, state.kind === 'torn' ? 'torn' : state.token]).toEqual([cut, expected]);
    }
  });

  it('is torn when the disk gave back nothing but NULs [H15]', () => {
    for (const length of [1, 15, 16, 17, BLOCK_BYTES]) {
      expect(readState(Buffer.alloc(BLOCK_BYTES), length, BOOT).kind).toBe('torn');
    }
  });

  it.each([
    ['text', Buffer.from('{"roles":[]}\n'.repeat(100))],
    ['one letter', Buffer.from('x')],
    ['a later version of this format', Buffer.from('holdfast-lock 2\n'.padEnd(BLOCK_BYTES))],
    ['NULs before something', Buffer.concat([Buffer.alloc(100), Buffer.from('x')])],
  ])('is foreign when it starts with %s [H15, R66]', (_what, bytes) => {
    expect(stateOf(bytes).kind).toBe('foreign');
    expect(recordOf(bytes)).toEqual({});
  });

  it('never throws, whatever single byte changes, and never invents a holder [H15, R66]', () => {
    for (let at = 0; at < BLOCK_BYTES; at++) {
      for (const byte of [0, 0x0a, 0x22, 0x2d, 0x5c, 0x39, 0x80, 0xff]) {
        const block = written();
        block[at] = byte;
        stateOf(block);
        const { name, holder: read } = recordOf(block);
        if (name !== undefined) expect(typeof name).toBe('string');
        for (const number of [read?.pid, read?.thread, read?.child?.pid]) {
          if (number !== undefined) expect(Number.isSafeInteger(number) && number >= 0).toBe(true);
        }
      }
    }
  });

  it.each([
    ['pid -1', 'pid'],
    ['pid 1e3', 'pid'],
    ['pid 99999999999', 'pid'],
    ['pid 0x10', 'pid'],
    ['start 1 2', 'start'],
    ['pidns abc', 'pidNamespace'],
    ['timens -', 'timeNamespace'],
    ['machine 0123', 'machine'],
    ['child x', 'child'],
    ['user {"a":1}', 'user'],
    ['host [', 'host'],
    ['command 12', 'command'],
  ] as const)('leaves a fact out that makes no sense: %s [H15]', (line, field) => {
    const key = line.split(' ')[0];
    const text = written({ holder: { ...holder } }).toString('latin1');
    const old = new RegExp(`\n${key} [^\n]*`).exec(text)?.[0] as string;
    const shorter = `\n${line}`.padEnd(old.length);
    const block = Buffer.from(text.replace(old, shorter).slice(0, BLOCK_BYTES), 'latin1');
    // A longer line shifts the rest, so the space for it is taken from the padding before the end.
    const excess = text.replace(old, shorter).length - BLOCK_BYTES;
    const fitted =
      excess > 0
        ? Buffer.from(text.replace(old, shorter).replace(' '.repeat(excess + 1), ' '), 'latin1')
        : block;

    const { holder: read } = recordOf(fitted);

    expect(read?.[field]).toBe(undefined);
    expect(read?.since).toBe('2026-11-20T14:02:11.123Z');
  });
});
