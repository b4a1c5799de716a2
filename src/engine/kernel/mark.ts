import { randomBytes } from 'node:crypto';
import {
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmdirSync,
  unlinkSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { systemCode } from '../../errors/base.ts';
import type { HolderRecord } from '../../identity/holder.ts';
import { self } from '../../identity/self.ts';
import type { LockRequest } from '../engine.ts';
import { BLOCK_BYTES, formatBlock, readRecord, writeCounters, writeSince } from './block.ts';
import { closeQuietly } from './lock-file.ts';
import { nativeBuffer } from './syscalls/native.ts';
import type { Syscalls } from './syscalls/syscalls.ts';

const { O_RDWR, O_RDONLY, O_CREAT, O_EXCL, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants;
const MARK_NAME = /^\d{20}-held-[0-9a-f]{16}$/;
const ATTEMPTS = 20;

/** The directory beside a lock file where those who share it leave their records. It exists only while it is used. */
export function marksDirectory(lockPath: string): string {
  return `${lockPath}.queue`;
}

/**
 * The record of one shared holder: a file of its own, flocked by its owner for as long as it is held, so that its
 * liveness is the kernel's word. Information only.
 *
 * Trace (O owner, R a reader that removes dead marks):
 *  1. O creates the file under a name that was never used. R may lock and unlink it before 2.
 *  2. O locks it, then looks at its link count. 0: R was faster, start over. 1: R finds it locked from now on.
 *  O dies anywhere: the lock is dropped, the next R removes the file. The name is unique, so R can never hit another's.
 */
export class SharedMark {
  readonly #request: LockRequest;
  readonly #system: Syscalls;
  readonly #path: string;
  readonly #fd: number;
  readonly #since = Date.now();

  private constructor(request: LockRequest, system: Syscalls, path: string, fd: number) {
    this.#request = request;
    this.#system = system;
    this.#path = path;
    this.#fd = fd;
  }

  /** Undefined when no mark can be left: a read-only directory, a full disk. The lock is none the worse for it. */
  static leave(request: LockRequest, system: Syscalls): SharedMark | undefined {
    const directory = marksDirectory(request.path);
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      try {
        mkdirSync(directory, {
          recursive: true,
          mode: request.beside === undefined && request.access === 'owner' ? 0o700 : 0o777,
        });
        if (!isOwnDirectory(directory)) return undefined;
        const name = `${String(process.hrtime.bigint()).padStart(20, '0')}-held-${randomBytes(8).toString('hex')}`;
        const path = join(directory, name);
        const fd = openSync(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_NONBLOCK, 0o644);
        const mark = new SharedMark(request, system, path, fd);
        if (system.tryLock(fd, 'exclusive') === 0 && fstatSync(fd).nlink === 1) {
          mark.write(request.anonymous ? {} : holderRecord(request));
          return mark;
        }
        closeQuietly(fd);
      } catch (error) {
        if (systemCode(error) !== 'ENOENT') return undefined; // ENOENT: the last one out removed the directory
      }
    }
    return undefined;
  }

  write(holder: HolderRecord): void {
    const block = nativeBuffer(BLOCK_BYTES);
    formatBlock(block.buffer, this.#request.resource, self().boot, holder);
    writeCounters(block.buffer, 0, 0);
    writeSince(block.buffer, this.#since);
    this.#system.write(this.#fd, block);
  }

  remove(): void {
    unlinkQuietly(this.#path);
    closeQuietly(this.#fd);
    removeIfEmpty(dirname(this.#path));
  }
}

function holderRecord(request: LockRequest): HolderRecord {
  return request.purpose === undefined ? self() : { ...self(), purpose: request.purpose };
}

/** The records of those who share a lock now. Removes the marks of the dead on its way, when it may. */
export function readMarks(lockPath: string, system: Syscalls): { name?: string; holder: HolderRecord }[] {
  const directory = marksDirectory(lockPath);
  if (!isOwnDirectory(directory)) return [];
  const living: { name?: string; holder: HolderRecord }[] = [];
  for (const name of listed(directory)) {
    const mark = readMark(join(directory, name), system);
    if (mark === 'dead') {
      unlinkQuietly(join(directory, name));
      removeIfEmpty(directory);
    } else if (mark !== undefined) {
      living.push(mark);
    }
  }
  return living;
}

/** Not a link that leads into somebody else's directory. */
function isOwnDirectory(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

function listed(directory: string): string[] {
  try {
    return readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isFile() && MARK_NAME.test(entry.name))
      .map((entry) => entry.name)
      .sort();
  } catch {
    return [];
  }
}

function readMark(
  path: string,
  system: Syscalls,
): { name?: string; holder: HolderRecord } | 'dead' | undefined {
  let fd: number;
  try {
    fd = openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch {
    return undefined;
  }
  try {
    if (system.tryLock(fd, 'exclusive') === 0) return 'dead';
    const block = nativeBuffer(BLOCK_BYTES);
    const { name, holder = {} } = readRecord(block.buffer, system.read(fd, block));
    return name === undefined ? { holder } : { name, holder };
  } finally {
    closeQuietly(fd);
  }
}

function unlinkQuietly(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // Somebody else removed it, or may; either way it is not ours to insist.
  }
}

function removeIfEmpty(directory: string): void {
  try {
    rmdirSync(directory);
  } catch {
    // Not empty, or gone.
  }
}
