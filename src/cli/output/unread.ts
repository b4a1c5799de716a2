import { native } from '../../binding/index.ts';

const STDOUT = 1;
const POLLERR = 0x8;
const POLLHUP = 0x10;

/** poll(2) of one descriptor. */
let poll: ((entry: Buffer, count: number, milliseconds: number) => number) | undefined;

/**
 * Whether nobody reads standard output any more, as in `… --follow | head -1`: known before the next line is written. False
 * where that cannot be told: without the binding, and on Windows, which has no poll(2).
 */
export function isUnread(): boolean {
  try {
    poll ??= native().load(null).func('int poll(void *entry, unsigned long count, int milliseconds)');
    const entry = Buffer.alloc(8); // struct pollfd: int fd, short events, short revents
    entry.writeInt32LE(STDOUT);
    return poll(entry, 1, 0) === 1 && (entry.readInt16LE(6) & (POLLERR | POLLHUP)) !== 0;
  } catch {
    return false;
  }
}
