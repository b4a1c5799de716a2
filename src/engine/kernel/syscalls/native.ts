import type * as Koffi from 'koffi';
import { loadBinding } from './binding/index.ts';
import type { NativeBuffer } from './syscalls.ts';

export type { Koffi };

let loaded: typeof Koffi | undefined;

/** The binding, loaded on first use: programs that never lock do not pay for it. Throws what `require` throws. */
export function native(): typeof Koffi {
  loaded ??= loadBinding();
  return loaded;
}

/** Memory outside the garbage-collected heap, so that its address is stable for as long as the result is referenced. */
export function nativeBuffer(size: number): NativeBuffer {
  const buffer = Buffer.from(new ArrayBuffer(Math.max(size, 128)), 0, size);
  return { buffer, address: native().address(buffer) };
}

/** A path as a C string. */
export function nativePath(path: string): NativeBuffer {
  const result = nativeBuffer(Buffer.byteLength(path) + 1);
  result.buffer.write(`${path}\0`);
  return result;
}
