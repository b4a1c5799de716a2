import type { HolderRecord } from '../../identity/holder.ts';
import { self } from '../../identity/self.ts';
import { BoundedCache } from '../../storage/bounded-cache.ts';
import type { LockRequest } from '../engine.ts';
import { BLOCK_BYTES, type BlockState, formatBlock, writeCounters, writeSince } from './block.ts';
import { queueDirectory } from './entry.ts';
import { nativeBuffer, nativePath } from './syscalls/native.ts';
import type { NativeBuffer } from './syscalls/syscalls.ts';

/** What this thread keeps ready for one lock path, so that a repeated acquisition formats and resolves nothing. */
export class Slot {
  readonly nativePath: NativeBuffer;
  /** Of the queue directory, whose being there means that somebody may wait. */
  readonly nativeQueue: NativeBuffer;
  /** The place was looked at once and held nothing but a regular file, or nothing. */
  inspected = false;
  readonly #held = nativeBuffer(BLOCK_BYTES);
  readonly #free = nativeBuffer(BLOCK_BYTES);
  #left: BlockState | undefined;
  /** The second the prepared block tells. */
  #second = -1;
  #name: string | undefined;
  #purpose: string | undefined;
  #anonymous: boolean | undefined;

  constructor(path: string) {
    this.nativePath = nativePath(path);
    this.nativeQueue = nativePath(queueDirectory(path));
  }

  /** The block of a grant made now. Valid until the next call. */
  held(request: LockRequest, token: number, bound: number, since: number): NativeBuffer {
    if (
      this.#name !== request.resource ||
      this.#purpose !== request.purpose ||
      this.#anonymous !== request.anonymous
    ) {
      formatBlock(this.#held.buffer, request.resource, self().boot, holderOf(request));
      formatBlock(this.#free.buffer, request.resource, self().boot, undefined);
      this.#left = undefined;
      this.#second = -1;
      this.#name = request.resource;
      this.#purpose = request.purpose;
      this.#anonymous = request.anonymous;
    }
    writeCounters(this.#held.buffer, token, bound);
    this.#second = writeSince(this.#held.buffer, since, this.#second);
    return this.#held;
  }

  /** The block a release leaves: the counters, and nothing about who held it. Valid until the next call. */
  free(token: number, bound: number): NativeBuffer {
    writeCounters(this.#free.buffer, token, bound);
    this.#left = { kind: 'intact', held: false, token, bound, sameBoot: true };
    return this.#free;
  }

  /** What a block says that this thread wrote when it released last; undefined for every other, which is to be parsed. */
  recognise(block: Buffer, length: number): BlockState | undefined {
    return length === BLOCK_BYTES && this.#left !== undefined && block.equals(this.#free.buffer)
      ? this.#left
      : undefined;
  }
}

/** The record of a request's holder: this thread, unless it asked not to be named. */
export function holderOf(request: LockRequest): HolderRecord {
  if (request.anonymous) return {};
  return request.purpose === undefined ? self() : { ...self(), purpose: request.purpose };
}

const slots = new BoundedCache<string, Slot>();

export function slotOf(path: string): Slot {
  let slot = slots.get(path);
  if (slot === undefined) {
    slot = new Slot(path);
    slots.set(path, slot);
  }
  return slot;
}

/** Whether two requests of this thread are described alike. */
export function isSameRecord(a: LockRequest, b: LockRequest): boolean {
  return a.purpose === b.purpose && a.anonymous === b.anonymous && a.resource === b.resource;
}
