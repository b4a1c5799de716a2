import {
  closeSync,
  fchownSync,
  fstatSync,
  readdirSync,
  readSync,
  type Stats,
  statSync,
  writeSync,
} from 'node:fs';
import { basename, dirname } from 'node:path';
import { systemCode } from '../errors/base.ts';
import { InputError, shown } from '../errors/input-error.ts';
import { self } from '../identity/self.ts';
import { makeDirectory } from '../storage/directory.ts';
import { closeQuietly } from '../storage/fs/quietly.ts';
import { sleepSync } from '../storage/fs/sleep-sync.ts';
import { type PrivateFiles, privateFiles } from '../storage/private-files.ts';
import { openRegularFile } from '../storage/regular-file.ts';
import { Date } from '../time/time.ts';
import { inWhole } from '../time/whole.ts';
import { type CacheEvent, cacheEventNames, onCacheEvent } from './cache-channel.ts';
import { eventNames, type LockEvent, onLockEvent } from './channel.ts';
import { type DocumentEvent, documentEventNames, onDocumentEvent } from './document-channel.ts';

export interface AuditOptions {
  /**
   * The file to append to, one JSON object a line. Made with mode 0600, its directory with 0700; by root, for the owner of
   * the directory they are made in.
   */
  readonly path: string;
  /** Bytes after which the file is put aside as `<path>.<UTC time>-<pid>`. Default 10 MiB. */
  readonly maxBytes?: number | undefined;
  /** How many files put aside are kept; the newest lines are in the file at `path` also with 0. Default 5. */
  readonly keep?: number | undefined;
  /** `anonymous` leaves out who: process id, user, host and command. Default `full`. */
  readonly record?: 'full' | 'anonymous' | undefined;
  /** Only events of these requests are written. Default: all of this thread. */
  readonly filter?: ((event: LockEvent) => boolean) | undefined;
  /** Only events of these documents are written. Default: of all in this thread, and with `filter` of none. */
  readonly documentFilter?: ((event: DocumentEvent) => boolean) | undefined;
  /** Only events of these caches are written. Default: of all in this thread, and with `filter` of none. */
  readonly cacheFilter?: ((event: CacheEvent) => boolean) | undefined;
}

const DEFAULT_BYTES = 10 * 1024 * 1024;
const DEFAULT_KEEP = 5;
/** The end of the name of a file put aside. */
const PUT_ASIDE = /^\.(\d{4}-\d\d-\d\d)T(\d\d)(\d\d)(\d\d)(\d{3})Z-\d+$/;

/** How far ahead of its time a clock may have named a file, in ms: a thousand years. So a later name can always be made. */
const FURTHEST_AHEAD = 1000 * 365.2425 * 24 * 3_600_000;

/** Of the names beside a log, those of its files put aside, oldest first: no copy made by hand, nor one of another log. */
export function namesPutAside(log: string, names: readonly string[]): string[] {
  return names.filter((name) => timePutAside(log, name) !== undefined).sort();
}

/** When a file was put aside, by its name, in ms; undefined for a name that no log gives, such as of a day in no calendar. */
function timePutAside(log: string, name: string): number | undefined {
  const [, date, hours, minutes, seconds, ms] =
    (name.startsWith(`${log}.`) && PUT_ASIDE.exec(name.slice(log.length))) || [];
  const at = Date.parse(`${date}T${hours}:${minutes}:${seconds}.${ms}Z`);
  if (Number.isNaN(at) || at > Date.now() + FURTHEST_AHEAD) return undefined;
  return name.startsWith(`${log}.${inName(at)}-`) ? at : undefined;
}

/** A time as the names of files put aside have it. */
function inName(at: number): string {
  return new Date(at).toISOString().replace(/[:.]/g, '');
}

/**
 * Whether a file ends within a line, as far as it may be read, by a writer that died. By a descriptor of its own, for the
 * one that writes cannot read.
 *  1. One that is writing at this moment looks the same: a line that reaches into another page of memory is seen in two
 *     parts, and its writer may stand still between them.
 *  2. The system holds the file for the whole of a write, and an `fchown` that changes nothing waits for it. A size that
 *     is the same afterwards is that of a file whose writer is gone; another size is looked at afresh.
 */
function isTorn(path: string, inode: number): boolean {
  let fd: number | undefined;
  try {
    fd = openRegularFile(path);
    if (fd === undefined || fstatSync(fd).ino !== inode) return false;
    for (;;) {
      const size = sizeWithinLine(fd);
      if (size === undefined) return false;
      outlastWriter(fd);
      if (fstatSync(fd).size === size) return true;
    }
  } catch {
    return false;
  } finally {
    if (fd !== undefined) closeQuietly(fd);
  }
}

/** Waits for a write under way. Where Node.js may not, under its permission model, an instant has to do. */
function outlastWriter(fd: number): void {
  try {
    fchownSync(fd, -1, -1);
  } catch {
    sleepSync(1);
  }
}

/** The size of a file that ends within a line; undefined of any other. */
function sizeWithinLine(fd: number): number | undefined {
  const { size } = fstatSync(fd);
  const last = Buffer.alloc(1);
  const ends = size === 0 || readSync(fd, last, 0, 1, size - 1) !== 1 || last.toString() === '\n';
  return ends ? undefined : size;
}

/** @throws {InputError} naming the option that cannot be used. */
export function checkAuditOptions(options: AuditOptions): void {
  if (typeof options !== 'object' || options === null) {
    throw new InputError('options', `must be an object, got ${shown(options)}`);
  }
  const { path, maxBytes = DEFAULT_BYTES, keep = DEFAULT_KEEP, record = 'full' } = options;
  if (typeof path !== 'string' || path === '' || path.includes('\0')) {
    throw new InputError('audit.path', `must be a path, got ${shown(path)}`);
  }
  if (!(maxBytes >= 1024))
    throw new InputError('audit.maxBytes', `must be at least 1024 bytes, got ${shown(maxBytes)}`);
  if (!Number.isInteger(keep) || keep < 0)
    throw new InputError('audit.keep', `must be a whole number, got ${shown(keep)}`);
  if (record !== 'full' && record !== 'anonymous')
    throw new InputError('audit.record', `must be 'full' or 'anonymous', got ${shown(record)}`);
  for (const name of ['filter', 'documentFilter', 'cacheFilter'] as const) {
    const given = options[name];
    if (given !== undefined && typeof given !== 'function')
      throw new InputError(`audit.${name}`, `must be a function, got ${shown(given)}`);
  }
}

/**
 * Appends every lifecycle event to a file, one line each, written by one call, so that lines of several processes never
 * mix, and none is lost while the file is put aside. Guaranteed: a lock never fails because its log does. Not guaranteed: that every event is on the disk after a
 * power loss, or on a full disk; the first failure is reported as a process warning.
 */
export class AuditLog {
  readonly #path: string;
  readonly #maxBytes: number;
  readonly #keep: number;
  readonly #who: object;
  readonly #anonymous: boolean;
  readonly #filter: (event: LockEvent) => boolean;
  readonly #subscriptions: (() => void)[];
  #fd = -1;
  #inode = 0;
  #warned = false;
  /** The last line was not written to its end. */
  #torn = false;

  /** @throws {InputError} naming the option that cannot be used. */
  constructor(options: AuditOptions) {
    checkAuditOptions(options);
    const {
      path,
      maxBytes = DEFAULT_BYTES,
      keep = DEFAULT_KEEP,
      record = 'full',
      filter = () => true,
    } = options;
    this.#path = path;
    this.#maxBytes = maxBytes;
    this.#keep = keep;
    this.#anonymous = record === 'anonymous';
    const { pid, host, user, command } = self();
    this.#who = { pid, host, user, command };
    this.#filter = filter;
    const isForAll = () => options.filter === undefined;
    const { cacheFilter = isForAll, documentFilter = isForAll } = options;
    this.#subscriptions = [
      ...eventNames.map((name) => onLockEvent(name, (event) => this.#record(name, event))),
      ...cacheEventNames.map((name) =>
        onCacheEvent(name, (event) => {
          if (cacheFilter(event)) this.#recordOfCache(name, event);
        }),
      ),
      ...documentEventNames.map((name) =>
        onDocumentEvent(name, (event) => {
          if (documentFilter(event)) this.#recordOfDocument(name, event);
        }),
      ),
    ];
  }

  stop(): void {
    for (const unsubscribe of this.#subscriptions) unsubscribe();
    this.#close();
  }

  #record(event: string, payload: LockEvent): void {
    if (!this.#filter(payload)) return;
    const { at, id, manager: _, anonymous, ...rest } = payload;
    const hidden = this.#anonymous || anonymous;
    this.#write({ at, event, ...rest, request: id }, hidden);
  }

  /** In the same words as a lock's: the resource is the key, the path that of the cache. */
  #recordOfCache(name: string, payload: CacheEvent & { readonly key?: string }): void {
    const { at, cache: path, key: resource = path, ...rest } = payload;
    this.#write({ at, event: `cache:${name}`, resource, path, ...rest }, this.#anonymous);
  }

  #recordOfDocument(name: string, { manager: _, at, path, ...rest }: DocumentEvent): void {
    this.#write({ at, event: `document:${name}`, resource: path, path, ...rest }, this.#anonymous);
  }

  #write(
    { at, ...facts }: Readonly<Record<string, unknown>> & { readonly at: number },
    hidden: boolean,
  ): void {
    const line = { at: new Date(at).toISOString(), ...facts, ...(hidden ? {} : this.#who) };
    try {
      this.#append(`${JSON.stringify(line, hidden ? hideHolders : plainErrors)}\n`);
    } catch (error) {
      this.#close();
      this.#warn('be written', error);
    }
  }

  #warn(what: string, error: unknown): void {
    if (this.#warned) return;
    this.#warned = true;
    process.emitWarning(
      `The audit log ${this.#path} cannot ${what} (${systemCode(error) ?? error}); locks go on without it.`,
    );
  }

  #append(line: string): void {
    this.#makeReady();
    const bytes = Buffer.from(this.#torn ? `\n${line}` : line);
    this.#torn = true; // until the whole line is known to be there: a full disk takes a part, and then refuses
    for (let at = 0; at < bytes.length; ) at += writeSync(this.#fd, bytes, at);
    this.#torn = false;
    if (!this.#isRemoved()) return;
    this.#close();
    this.#append(line);
  }

  /** Whether another process has put the open file aside, and removed it, since it was looked at. */
  #isRemoved(): boolean {
    return fstatSync(this.#fd).nlink === 0 && this.#current()?.ino !== this.#inode;
  }

  #current(): Stats | undefined {
    return statSync(this.#path, { throwIfNoEntry: false });
  }

  /**
   * Has the file at the path open, with room for a line.
   *  1. Another process may have put aside the file that is open here: the one at the path takes the line.
   *  2. A full file is put aside before a line is written, never after: so the newest line is in the file at the path,
   *     whatever `keep` says. One that cannot be put aside takes the line as well.
   */
  #makeReady(): void {
    if (this.#sizeOfOpen() < this.#maxBytes) return;
    this.#close();
    try {
      this.#rotate();
    } catch (error) {
      this.#warn('be put aside', error);
    }
    this.#open();
  }

  #sizeOfOpen(): number {
    if (this.#fd >= 0) {
      const current = this.#current();
      if (current?.ino === this.#inode) return current.size;
      this.#close();
    }
    return this.#open();
  }

  /** Returns its size. */
  #open(): number {
    makeDirectory(dirname(this.#path), 'owner');
    this.#fd = this.#inDirectory((files) => files.append(basename(this.#path)));
    const { ino, size } = fstatSync(this.#fd);
    this.#inode = ino;
    this.#torn ||= isTorn(this.#path, ino); // by a writer that died
    return size;
  }

  /** A user may give it by a link. */
  #inDirectory<T>(body: (files: PrivateFiles) => T): T {
    return privateFiles(dirname(this.#path), { link: 'followed' }, body);
  }

  /**
   * Puts the full file aside under a name of its own. Two processes that do so at once lose nothing:
   *  1. The name is reserved by making it, for a rename would replace what another thread, or a process of the same
   *     number elsewhere, puts aside in the same millisecond. Dying here leaves an empty file among those put aside.
   *  2. Another process may have put the full one aside since it was looked at: then this one puts aside the short file
   *     that came after it, and removes nothing.
   */
  #rotate(): void {
    this.#inDirectory((files) => {
      const name = this.#reserveName(files);
      try {
        files.rename(basename(this.#path), name);
      } catch (error) {
        files.remove(name);
        if (systemCode(error) !== 'ENOENT') throw error;
        return; // another process was faster
      }
      if (statSync(files.pathOf(name), { throwIfNoEntry: false })?.ino !== this.#inode) return;
      const aside = this.#putAside(files);
      for (const old of aside.slice(0, Math.max(0, aside.length - this.#keep))) files.remove(old);
    });
  }

  /** The names of the files put aside, oldest first. */
  #putAside(files: PrivateFiles): string[] {
    return namesPutAside(basename(this.#path), readdirSync(files.pathOf('.')));
  }

  /** Later than all others, also when the clock was set back, for the names say which file is the oldest. */
  #reserveName(files: PrivateFiles): string {
    const log = basename(this.#path);
    const last = timePutAside(log, this.#putAside(files).at(-1) ?? '') ?? 0;
    for (let at = Math.max(Date.now(), last + 1); ; at++) {
      const name = `${log}.${inName(at)}-${process.pid}`;
      try {
        closeSync(files.make(name));
        return name;
      } catch (error) {
        if (systemCode(error) !== 'EEXIST') throw error;
      }
    }
  }

  #close(): void {
    if (this.#fd >= 0) closeSync(this.#fd);
    this.#fd = -1;
  }
}

function plainErrors(key: string, value: unknown): unknown {
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  return key === 'reason' ? String(value) : inWhole(key, value); // an abort's reason can be anything
}

function hideHolders(key: string, value: unknown): unknown {
  return key === 'holders' || key === 'previous' ? undefined : plainErrors(key, value);
}
