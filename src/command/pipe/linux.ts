import { Socket } from 'node:net';
import { BindingError, native } from '../../binding/index.ts';
import type { OpenPipe } from './pipe.ts';

const O_CLOEXEC = 0o2000000;

let pipe2: ((ends: Int32Array, flags: number) => number) | undefined;

export const openPipe: OpenPipe = () => {
  const ends = new Int32Array(2);
  try {
    pipe2 ??= native().load(null).func('int pipe2(int *ends, int flags)');
  } catch (error) {
    if (error instanceof BindingError) return undefined;
    throw error;
  }
  if (pipe2(ends, O_CLOEXEC) !== 0) return undefined;
  const [fd = -1, writer = -1] = ends;
  return { reader: new Socket({ fd, readable: true, writable: false }), writer };
};
