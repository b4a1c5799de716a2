import { join } from 'node:path';
import { expect, it } from 'vitest';
import { BLOCK_BYTES, readRecord, readState } from '../../../src/engine/kernel/block.ts';
import { slotOf } from '../../../src/engine/kernel/slot.ts';
import type { NativeBuffer } from '../../../src/engine/kernel/syscalls/syscalls.ts';
import { self } from '../../../src/identity/self.ts';
import { requestFor } from '../harness.ts';

const path = (name: string) => join('/nowhere', name);
const recordOf = ({ buffer }: NativeBuffer) => readRecord(Buffer.from(buffer), BLOCK_BYTES);
const stateOf = ({ buffer }: NativeBuffer) => readState(Buffer.from(buffer), BLOCK_BYTES, self().boot);

it('keeps one slot for a path, which leads to that path', () => {
  expect(slotOf(path('a'))).toBe(slotOf(path('a')));
  expect(slotOf(path('a'))).not.toBe(slotOf(path('b')));
  expect(slotOf(path('ü')).nativePath.buffer.toString()).toBe(`${path('ü')}\0`);
});

it('describes each grant as its own: name, purpose and secrecy follow the request [R68, G12]', () => {
  const request = { ...requestFor(path('own')), resource: 'first', purpose: 'one' };
  const slot = slotOf(request.path);

  expect(recordOf(slot.held(request, 1, 1, 0))).toMatchObject({
    name: 'first',
    holder: { pid: process.pid, purpose: 'one' },
  });
  expect(recordOf(slot.held({ ...request, purpose: 'two' }, 2, 2, 0)).holder?.purpose).toBe('two');
  expect(recordOf(slot.held({ ...request, purpose: undefined }, 3, 3, 0)).holder?.purpose).toBe(undefined);
  expect(recordOf(slot.held({ ...request, resource: 'second' }, 4, 4, 0)).name).toBe('second');
  const hidden = recordOf(slot.held({ ...request, anonymous: true }, 5, 5, 0)).holder;
  expect([hidden?.pid, hidden?.user, hidden?.command, hidden?.host]).toEqual([
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
  expect(recordOf(slot.held(request, 6, 6, 0)).holder?.pid).toBe(process.pid);
});

it('patches counters and time into a block that stays otherwise as it was', () => {
  const request = requestFor(path('patched'));
  const slot = slotOf(request.path);
  slot.held(request, 1, 2, 1_000);

  const block = slot.held(request, 123_456_789_012, 123_456_789_999, 2_001);

  expect(stateOf(block)).toMatchObject({ kind: 'intact', token: 123_456_789_012, bound: 123_456_789_999 });
  expect(recordOf(block).holder?.since).toBe('1970-01-01T00:00:02.001Z');
});

it('leaves on release the counters and nothing about the holder', () => {
  const request = { ...requestFor(path('released')), purpose: 'secret plan' };
  const slot = slotOf(request.path);
  slot.held(request, 41, 42, 0);

  const block = slot.free(43, 44);

  expect(stateOf(block)).toMatchObject({ kind: 'intact', held: false, token: 43, bound: 44, sameBoot: true });
  expect(block.buffer.toString('latin1')).not.toContain('secret plan');
  expect(recordOf(block)).toEqual({ name: 'mirror' });
});
