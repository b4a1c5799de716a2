import { native } from '../../../binding/index.ts';
import type { NativeBuffer } from './syscalls.ts';

export { type Koffi, native } from '../../../binding/index.ts';

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
