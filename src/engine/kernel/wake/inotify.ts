import { constants } from 'node:fs';
import { constants as os } from 'node:os';
import { onExit } from '../../../copies/exit.ts';
import { type Koffi, native, nativeBuffer } from '../syscalls/native.ts';
import type { NativeBuffer } from '../syscalls/syscalls.ts';
import { touch } from './touch.ts';
import type { Wake, WatchKind } from './wake.ts';

const IN_ATTRIB = 0x004;
const IN_CLOSE_WRITE = 0x008;
const IN_CLOSE_NOWRITE = 0x010; // flock(1) opens its lock file read-only, so its release is this one
const IN_DELETE_SELF = 0x400;
const IN_MOVE_SELF = 0x800;
// A ticket's owner has it open for writing; whoever else closes it has only looked.
const TICKET = IN_ATTRIB | IN_CLOSE_WRITE | IN_DELETE_SELF | IN_MOVE_SELF;
const MASKS = { ticket: TICKET, lock: TICKET | IN_CLOSE_NOWRITE };

const O_CLOEXEC = 0o2000000;
const HEADER_BYTES = 16; // int wd; uint32_t mask, cookie, len
const BACKSTOP = 300;
const BACKSTOP_WITHOUT_EVENTS = 50;

/**
 * One inotify descriptor, read on the event loop of the main thread. A close is seen whoever closes, and also when the kernel
 * closes for a process that was killed.
 *
 * Watches are set through /proc/self/fd, so that they follow the descriptor's file even when the path has moved on.
 */
export class InotifyWake implements Wake {
  readonly touch = touch;
  readonly #watches = new Map<number, Set<() => void>>();
  readonly #fd: number;
  readonly #events: NativeBuffer = nativeBuffer(64 * 1024);
  readonly #add: (fd: number, path: string, mask: number) => number;
  readonly #remove: (fd: number, watch: number) => number;
  readonly #read: (fd: number, buffer: unknown, count: number) => number;
  readonly #poll: Koffi.node.PollHandle | undefined;
  #refusal: string | undefined;

  constructor() {
    const koffi = native();
    const libc = koffi.load(null);
    const init = libc.func('int inotify_init1(int flags)');
    this.#add = libc.func('int inotify_add_watch(int fd, const char *path, uint32_t mask)');
    this.#remove = libc.func('int inotify_rm_watch(int fd, int watch)');
    this.#read = libc.func('intptr_t read(int fd, uintptr_t buffer, size_t count)');
    this.#fd = init(O_CLOEXEC | constants.O_NONBLOCK);
    if (this.#fd < 0) {
      this.#refusal = errnoText(koffi.errno());
    } else {
      const poll = koffi.node.poll(this.#fd, { readable: true }, () => this.#drain());
      poll.unref();
      poll.stop(); // until somebody waits
      this.#poll = poll;
      // An event that is still there when Node.js tears down its loop would call into a dead context, and abort.
      onExit(() => poll.close());
    }
  }

  get backstop(): number {
    return this.#refusal === undefined ? BACKSTOP : BACKSTOP_WITHOUT_EVENTS;
  }

  get refusal(): string | undefined {
    if (this.#refusal === undefined) return undefined;
    return `inotify is exhausted (${this.#refusal}; see fs.inotify.max_user_instances and max_user_watches)`;
  }

  watch(fd: number, _path: string, kind: WatchKind, onHint: () => void): () => void {
    if (this.#fd < 0) return () => {};
    const watch = this.#add(this.#fd, `/proc/self/fd/${fd}`, MASKS[kind]);
    if (watch < 0) {
      this.#refusal = errnoText(native().errno());
      return () => {};
    }
    this.#refusal = undefined;
    if (this.#watches.size === 0) this.#poll?.start({ readable: true }, () => this.#drain());
    const callbacks = this.#watches.get(watch) ?? new Set();
    this.#watches.set(watch, callbacks.add(onHint));
    return () => {
      callbacks.delete(onHint);
      if (callbacks.size > 0 || this.#watches.get(watch) !== callbacks) return;
      this.#watches.delete(watch);
      this.#remove(this.#fd, watch); // fails when the file is gone, and the watch with it
      if (this.#watches.size === 0) this.#poll?.stop();
    };
  }

  /** Takes every event that is there, then calls each watched file's callbacks once. */
  #drain(): void {
    const changed = new Set<number>();
    const { buffer, address } = this.#events;
    for (;;) {
      const length = this.#read(this.#fd, address, buffer.length);
      if (length <= 0) break;
      for (let at = 0; at < length; at += HEADER_BYTES + buffer.readUInt32LE(at + 12))
        changed.add(buffer.readInt32LE(at));
      if (length < buffer.length / 2) break;
    }
    for (const watch of changed) for (const callback of [...(this.#watches.get(watch) ?? [])]) callback();
  }
}

function errnoText(errno: number): string {
  return Object.entries(os.errno).find(([, number]) => number === errno)?.[0] ?? `errno ${errno}`;
}
