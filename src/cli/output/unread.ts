import { native } from '../../binding/index.ts';
import { clearInterval, setInterval } from '../../time/time.ts';

/** Milliseconds between two looks. */
const LOOK_EVERY = 1_000;

const STDOUT = 1;
const POLLERR = 0x8;
const POLLHUP = 0x10;

/** poll(2) of one descriptor. */
let poll: ((entry: Buffer, count: number, milliseconds: number) => number) | undefined;

/**
 * Calls back when nobody reads standard output any more, as in `… --follow | head -1`: before the next line is written. Keeps
 * the process alive until the function that it returns is called.
 */
export function whenUnread(call: () => void): () => void {
  const timer = setInterval(() => isUnread() && call(), LOOK_EVERY);
  return () => clearInterval(timer);
}

/** False where it cannot be told: without the binding, and on Windows, which has no poll(2). */
function isUnread(): boolean {
  try {
    poll ??= native().load(null).func('int poll(void *entry, unsigned long count, int milliseconds)');
    const entry = Buffer.alloc(8); // struct pollfd: int fd, short events, short revents
    entry.writeInt32LE(STDOUT);
    return poll(entry, 1, 0) === 1 && (entry.readInt16LE(6) & (POLLERR | POLLHUP)) !== 0;
  } catch {
    return false;
  }
}
