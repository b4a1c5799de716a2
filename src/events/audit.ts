import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { systemCode } from '../errors/base.ts';
import { InputError, shown } from '../errors/input-error.ts';
import { self } from '../identity/self.ts';
import { makeDirectory } from '../storage/directory.ts';
import { SAFELY } from '../storage/fs/open-flags.ts';
import { eventNames, type LockEvent, onLockEvent } from './channel.ts';

export interface AuditOptions {
  /** The file to append to, one JSON object a line. Made with mode 0600, its directory with 0700. */
  readonly path: string;
  /** Bytes after which the file is put aside as `<path>.<UTC time>-<pid>`. Default 10 MiB. */
  readonly maxBytes?: number;
  /** How many files put aside are kept. Default 5. */
  readonly keep?: number;
  /** `anonymous` leaves out who: process id, user, host and command. Default `full`. */
  readonly record?: 'full' | 'anonymous';
  /** Only events of these requests are written. Default: all of this thread. */
  readonly filter?: (event: LockEvent) => boolean;
}

const { O_WRONLY, O_APPEND, O_CREAT } = constants;
const DEFAULT_BYTES = 10 * 1024 * 1024;
const DEFAULT_KEEP = 5;

/**
 * Appends every lifecycle event to a file, one line each, written by one call, so that lines of several processes never
 * mix. Guaranteed: a lock never fails because its log does. Not guaranteed: that every event is on the disk after a
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
  #warned = false;
  /** The last line was not written to its end. */
  #torn = false;

  /** @throws {InputError} naming the option that cannot be used. */
  constructor(options: AuditOptions) {
    const {
      path,
      maxBytes = DEFAULT_BYTES,
      keep = DEFAULT_KEEP,
      record = 'full',
      filter = () => true,
    } = options;
    if (typeof path !== 'string' || path === '' || path.includes('\0')) {
      throw new InputError('audit.path', `must be a path, got ${shown(path)}`);
    }
    if (!(maxBytes >= 1024))
      throw new InputError('audit.maxBytes', `must be at least 1024 bytes, got ${shown(maxBytes)}`);
    if (!Number.isInteger(keep) || keep < 0)
      throw new InputError('audit.keep', `must be a whole number, got ${shown(keep)}`);
    this.#path = path;
    this.#maxBytes = maxBytes;
    this.#keep = keep;
    this.#anonymous = record === 'anonymous';
    const { pid, host, user, command } = self();
    this.#who = { pid, host, user, command };
    this.#filter = filter;
    this.#subscriptions = eventNames.map((name) => onLockEvent(name, (event) => this.#record(name, event)));
  }

  stop(): void {
    for (const unsubscribe of this.#subscriptions) unsubscribe();
    this.#close();
  }

  #record(event: string, payload: LockEvent): void {
    if (!this.#filter(payload)) return;
    const { at, id, manager: _, anonymous, ...rest } = payload;
    const hidden = this.#anonymous || anonymous;
    const line = {
      at: new Date(at).toISOString(),
      event,
      ...rest,
      request: id,
      ...(hidden ? {} : this.#who),
    };
    try {
      this.#append(`${JSON.stringify(line, hidden ? hideHolders : plainErrors)}\n`);
    } catch (error) {
      this.#close();
      if (this.#warned) return;
      this.#warned = true;
      process.emitWarning(
        `The audit log ${this.#path} cannot be written (${systemCode(error) ?? error}); locks go on without it.`,
      );
    }
  }

  #append(line: string): void {
    if (this.#fd < 0) this.#open();
    const bytes = Buffer.from(this.#torn ? `\n${line}` : line);
    this.#torn = true; // until the whole line is known to be there: a full disk takes a part, and then refuses
    for (let at = 0; at < bytes.length; ) at += writeSync(this.#fd, bytes, at);
    this.#torn = false;
    const { size, ino } = fstatSync(this.#fd);
    if (size >= this.#maxBytes) this.#rotate(ino);
  }

  #open(): void {
    makeDirectory(dirname(this.#path), 0o700);
    this.#fd = openSync(this.#path, O_WRONLY | O_APPEND | O_CREAT | SAFELY, 0o600);
  }

  /**
   * Puts the full file aside under a name of its own. Two processes that do so at once lose nothing: the second finds
   * another inode at the path and leaves it, or, between its look and its rename, puts a short file aside as well.
   */
  #rotate(inode: number): void {
    this.#close();
    if (statSync(this.#path, { throwIfNoEntry: false })?.ino !== inode) return;
    try {
      renameSync(this.#path, this.#freeName());
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') throw error; // another process was faster
      return;
    }
    const directory = dirname(this.#path);
    const prefix = `${basename(this.#path)}.`;
    const aside = readdirSync(directory).filter(
      (name) => name.startsWith(prefix) && /\.\d{4}-\d\d-\d\dT\d+Z-\d+$/.test(name),
    );
    for (const name of aside.sort().slice(0, Math.max(0, aside.length - this.#keep)))
      rmSync(join(directory, name), { force: true });
  }

  /** Files that are put aside within one millisecond get later times, for a rename would replace the earlier one. */
  #freeName(): string {
    for (let at = Date.now(); ; at++) {
      const time = new Date(at).toISOString().replace(/[:.]/g, '');
      const name = `${this.#path}.${time}-${process.pid}`;
      if (!existsSync(name)) return name;
    }
  }

  #close(): void {
    if (this.#fd >= 0) closeSync(this.#fd);
    this.#fd = -1;
  }
}

function plainErrors(key: string, value: unknown): unknown {
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  return key === 'reason' ? String(value) : value; // an abort's reason can be anything
}

function hideHolders(key: string, value: unknown): unknown {
  return key === 'holders' || key === 'previous' ? undefined : plainErrors(key, value);
}
