import { randomBytes } from 'node:crypto';
import { constants, fstatSync, lstatSync, openSync, readdirSync, readSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { systemCode } from '../../errors/base.ts';
import type { HolderRecord } from '../../identity/holder.ts';
import { self } from '../../identity/self.ts';
import { SAFELY } from '../../storage/fs/open-flags.ts';
import { closeQuietly, removeIfEmpty } from '../../storage/fs/quietly.ts';
import { lstatOrNothing } from '../../storage/fs/stat.ts';
import { openRegularFile } from '../../storage/regular-file.ts';
import { Date } from '../../time/time.ts';
import { trace } from '../../trace/trace.ts';
import type { LockRequest } from '../engine.ts';
import { ticketKinds } from '../file/line.ts';
import { machineClock } from '../file/machine-clock.ts';
import { complete, makeBeside, patiently } from '../file/make.ts';
import { removeEntry } from '../file/remove.ts';
import { rightsOf } from '../file/rights.ts';
import { BLOCK_BYTES, formatBlock, readRecord, writeCounters, writeSince } from './block.ts';
import { isSigned } from './signed.ts';
import { syscalls } from './syscalls/index.ts';
import { nativeBuffer } from './syscalls/native.ts';
import type { NativeBuffer } from './syscalls/syscalls.ts';

const { O_RDWR, O_CREAT, O_EXCL } = constants;
const ATTEMPTS = 20;
const MOST_TEXT = 16 * 1024;

/** What an entry says of its owner: it waits in a mode, it holds in shared mode, or it holds and waits elsewhere. */
export const entryKinds = [...ticketKinds, 'held', 'waits'] as const;
export type EntryKind = (typeof entryKinds)[number];

/** `<monotonic ns, 20 digits>-<kind>-<random>`: sorts by age, and is never used twice. */
const NAME = new RegExp(`^(\\d{20})-(${entryKinds.join('|')})-[0-9a-f]{16}$`);

export interface EntryName {
  readonly name: string;
  readonly path: string;
  readonly kind: EntryKind;
  /** Nanoseconds of the machine's clock; comparable between all processes of one boot. */
  readonly time: bigint;
}

/** Where an entry goes, and what of the lock it repeats. */
export type EntryPlace = Pick<LockRequest, 'path' | 'resource' | 'beside' | 'access'>;

/** The directory beside a lock file for the entries of those who wait for it or share it; exists only while in use. */
export function queueDirectory(lockPath: string): string {
  return `${lockPath}.queue`;
}

/** The name of an entry, of one made now by default; names made later sort behind. */
export function entryName(
  kind: EntryKind,
  time = machineClock(),
  random = randomBytes(8).toString('hex'),
): string {
  return `${String(time).padStart(20, '0')}-${kind}-${random}`;
}

/**
 * A file in a lock's queue directory, flocked by its owner for as long as it means something, so that its liveness is
 * the kernel's word: no pid, no age, no namespace question. Information only: who holds the lock is never read from it.
 *
 * Trace (O owner, R a reader that removes the entries of the dead):
 *  1. O creates the file under a name that was never used. R may lock and unlink it before 2.
 *  2. O locks it, then looks at its link count. 0: R was faster, O starts over. 1: R finds it locked from now on.
 *  3. O dies anywhere: the kernel drops the lock, and the next R removes the file.
 *  R unlinks only while it shares the entry's lock, so it never removes one that came to life meanwhile; names are never
 *  used again, so it never removes a successor. O stopped between 1 and 2: as if it had not come yet. R shares it, so that
 *  two who look at once do not take each other for the owner.
 *  A file of somebody else under such a name carries no signature: R leaves it alone, and counts it as nobody.
 */
export class Entry {
  readonly name: string;
  readonly path: string;
  readonly #request: EntryPlace;
  readonly #fd: number;
  readonly #since = Date.now();
  #present = true;

  private constructor(request: EntryPlace, path: string, name: string, fd: number) {
    this.#request = request;
    this.path = path;
    this.name = name;
    this.#fd = fd;
  }

  /** Undefined when none can be left: a read-only directory, a full disk. The lock is none the worse for it. */
  static leave(request: EntryPlace, kind: EntryKind, holder: HolderRecord): Entry | undefined {
    const directory = queueDirectory(request.path);
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      try {
        const rights = rightsOf(request);
        if (rights.refusedBy !== undefined && lstatOrNothing(directory) === undefined) return undefined;
        const found = makeBeside(request, directory, { rights });
        if (found === undefined) continue; // as below, for ENOENT
        if (!found.isDirectory()) return undefined; // nor a link that leads into somebody else's directory
        const name = entryName(kind);
        const path = join(directory, name);
        const fd = patiently(
          directory,
          () => openSync(path, O_RDWR | O_CREAT | O_EXCL | SAFELY, 0o600),
          () => rights.directory,
        );
        const locked = syscalls().lock(fd, 'exclusive') === 0;
        const stats = fstatSync(fd);
        if (locked && stats.nlink === 1) {
          const entry = new Entry(request, path, name, fd);
          entry.write(holder);
          complete(fd, path, request, { rights: rights.file, found: stats }); // last: who may read it finds it whole
          return entry;
        }
        closeQuietly(fd);
      } catch (error) {
        // Passing: the last one out removed the directory.
        if (!syscalls().passing.has(systemCode(error) ?? '')) return undefined;
      }
    }
    return undefined;
  }

  /** Whether it is still where others look for it; somebody may have cleared the directory by hand. */
  get isListed(): boolean {
    return this.#present && fstatSync(this.#fd).nlink === 1;
  }

  write(holder: HolderRecord): void {
    if (!this.#present) return;
    const block = nativeBuffer(BLOCK_BYTES);
    formatBlock(block.buffer, this.#request.resource, self().boot, holder);
    writeCounters(block.buffer, 0, 0);
    writeSince(block.buffer, this.#since);
    syscalls().write(this.#fd, block);
  }

  /** Adds a text behind the block. */
  append(text: string): void {
    writeSync(this.#fd, text, BLOCK_BYTES);
  }

  remove(): void {
    if (!this.#present) return;
    this.#present = false;
    removeEntry(this.path);
    closeQuietly(this.#fd);
    removeIfEmpty(dirname(this.path));
  }
}

/** Not a link that leads into somebody else's directory. @throws the system's error where one may not look. */
export function isOwnDirectory(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

/**
 * All entries of a lock, oldest first. Files that carry no entry's name are left alone; a directory without any is what
 * somebody left who died between making it and making an entry, and is removed: whoever makes one makes it again.
 */
export function listEntries(lockPath: string): EntryName[] {
  const directory = queueDirectory(lockPath);
  if (!isOwnDirectory(directory)) return [];
  try {
    const names = readdirSync(directory).sort();
    if (names.length === 0) removeIfEmpty(directory);
    return names.flatMap((name) => parseName(directory, name) ?? []);
  } catch {
    return []; // removed meanwhile, or not ours to read
  }
}

/** Undefined for the name of anything else. */
export function parseName(directory: string, name: string): EntryName | undefined {
  const [, time, kind] = NAME.exec(name) ?? [];
  if (time === undefined) return undefined;
  return { name, path: join(directory, name), kind: kind as EntryKind, time: BigInt(time) };
}

/**
 * Somebody else's entry that was found alive, open for another look. Closing it raises a hint for nobody, because the
 * waking ignores closes of descriptors that cannot write.
 */
export class ForeignEntry {
  readonly entry: EntryName;
  readonly descriptor: number;

  private constructor(entry: EntryName, descriptor: number) {
    this.entry = entry;
    this.descriptor = descriptor;
  }

  /** Undefined when its owner is gone: then the entry is gone too, removed here if need be. */
  static open(entry: EntryName): ForeignEntry | undefined {
    const fd = openQuietly(entry.path);
    if (fd === undefined) return undefined;
    const found = new ForeignEntry(entry, fd);
    if (found.isAlive()) return found;
    found.close();
    return undefined;
  }

  /** Whether its owner still has it locked; changes nothing. Undefined when it is not Holdfast's. */
  static isLocked(entry: EntryName): boolean | undefined {
    const fd = openQuietly(entry.path);
    if (fd === undefined) return undefined;
    const locked = isSigned(fd) ? syscalls().lock(fd, 'shared') !== 0 : undefined;
    if (locked === false) syscalls().lock(fd, 'none');
    closeQuietly(fd);
    return locked;
  }

  /** Asks the kernel whether the owner still has it locked; removes it when not, if it is Holdfast's. */
  isAlive(): boolean {
    if (fstatSync(this.descriptor).nlink === 0) return false;
    if (syscalls().lock(this.descriptor, 'shared') !== 0) return true;
    trace?.(this.entry.path, 'is unlocked: its owner is dead');
    if (isSigned(this.descriptor)) removeEntry(this.entry.path); // while it is locked, see the trace above
    syscalls().lock(this.descriptor, 'none');
    removeIfEmpty(dirname(this.entry.path));
    return false;
  }

  read(): ReturnType<typeof readRecord> {
    const block: NativeBuffer = nativeBuffer(BLOCK_BYTES);
    return readRecord(block.buffer, syscalls().read(this.descriptor, block));
  }

  /** The text behind the block, at most 16 KiB of it. */
  readAppended(): string {
    const buffer = Buffer.alloc(MOST_TEXT);
    return buffer.toString('utf8', 0, readSync(this.descriptor, buffer, 0, MOST_TEXT, BLOCK_BYTES));
  }

  close(): void {
    closeQuietly(this.descriptor);
  }
}

/** What the living entries of some kinds say, oldest first. Removes those of the dead on its way, where it may. */
export function readEntries(
  lockPath: string,
  kinds: readonly EntryKind[],
): { readonly entry: EntryName; readonly name?: string; readonly holder: HolderRecord }[] {
  return listEntries(lockPath).flatMap((entry) => {
    if (!kinds.includes(entry.kind)) return [];
    const found = ForeignEntry.open(entry);
    if (found === undefined) return [];
    try {
      const { name, holder = {} } = found.read();
      return [{ entry, holder, ...(name === undefined ? {} : { name }) }];
    } finally {
      found.close();
    }
  });
}

/** Undefined when there is no such file, or none that may be looked at. */
function openQuietly(path: string): number | undefined {
  try {
    return openRegularFile(path);
  } catch {
    return undefined;
  }
}
