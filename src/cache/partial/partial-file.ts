import { promises } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { NoSpaceError } from '../../errors/content-errors.ts';
import { here } from '../../identity/index.ts';
import { removeIfEmpty } from '../../storage/fs/quietly.ts';
import { syncDirectory } from '../../storage/fs/sync-directory.ts';
import type { Algorithm, Digests } from '../integrity.ts';
import { dataFile, newData, openData, ownDirectory } from './data-file.ts';
import { Digester } from './digester.ts';
import { type Batch, launch } from './flight.ts';
import { checkSpace, explained } from './space.ts';
import { type PartialState, readState, type Source, stateFile, sweepStates, writeState } from './state.ts';

const KIBIBYTE = 1024;
const MEBIBYTE = 1024 * KIBIBYTE;
/** Chunks are gathered to so many bytes a write. */
const BATCH = 512 * KIBIBYTE;
/** Writes on their way at the same time. */
const IN_FLIGHT = 6;
/** How far from the end of the file a write may be missing. */
const WINDOW = IN_FLIGHT * BATCH;
const SYNC_EVERY = 32 * MEBIBYTE;

export interface Finished {
  readonly size: number;
  readonly digests: Digests & { readonly sha256: string };
}

export interface Sealed extends Finished {
  readonly fd: number;
  readonly path: string;
}

/**
 * One content that is being written, in a directory of its own: the bytes in `data`, where they come from and how many
 * stand in `state.json`. For one user at a time, who holds the lock of the key.
 *
 *  1. `begin` notes the source. Dying before it: there is no state, so the next `open` starts at 0.
 *  2. Bytes are written, up to six writes at a time, and hashed meanwhile. Dying here leaves holes near the end; `open`
 *     goes back to before the first place where one can be (`standing`).
 *  3. Every 32 MiB, `fdatasync`, then the state notes that many as durable: in this order, so that a power loss at any
 *     point leaves a state that says too little, never too much.
 *  4. `restart` removes the state, for good, before it truncates: an old state never meets new bytes.
 *  5. `seal` syncs. Dying after it: the next `open` finds all bytes, and the state the size of the whole.
 */
export class PartialFile {
  readonly path: string;
  readonly #directory: string;
  readonly #file: FileHandle;
  readonly #digester = new Digester();
  /** In the order of their positions; the first one is not done. */
  readonly #flying: Batch[] = [];
  readonly #buffers: Uint8Array[] = [];
  #gathering: Uint8Array = Buffer.alloc(0);
  #gathered = 0;
  /** Where the next batch goes. */
  #issued: number;
  #durable: number;
  #source: Source | undefined;
  #failure: unknown;
  #following: Promise<void> | undefined;
  #syncing: Promise<void> | undefined;
  #noting: Promise<void> = Promise.resolve();
  #isClosed = false;

  private constructor(directory: string, file: FileHandle, state: PartialState | undefined, offset: number) {
    this.path = dataFile(directory);
    this.#directory = directory;
    this.#file = file;
    this.#source = state;
    this.#issued = offset;
    this.#durable = Math.min(offset, state?.durable ?? 0);
  }

  /**
   * Opens what is there, if it may be gone on with, and else a new file. A link, a directory, or another user's file in
   * its place is removed, and what it leads to is not touched.
   *
   * @throws {NoSpaceError} when not even an empty file fits.
   */
  static async open(directory: string, { resume }: { readonly resume: boolean }): Promise<PartialFile> {
    try {
      await ownDirectory(directory);
      await sweepStates(directory);
      const state = resume ? readState(directory) : undefined;
      const found = state === undefined ? undefined : await openData(directory, state, WINDOW);
      if (found === undefined) return new PartialFile(directory, await newData(directory), undefined, 0);
      const partial = new PartialFile(directory, found.file, state, found.offset);
      await partial.#note(); // what was cut off is no longer said to be there
      return partial;
    } catch (error) {
      throw explained(error, directory);
    }
  }

  /** Bytes that stand, or will once they are written. */
  get offset(): number {
    return this.#issued + this.#gathered;
  }

  /** What was noted by `begin`, in this process or in one that died. */
  get state(): Source | undefined {
    return this.#source;
  }

  /** Has these computed besides sha256, of all bytes, also those that were there before. */
  hash(algorithms: Iterable<Algorithm>): void {
    this.#digester.add(algorithms);
  }

  /** @throws {NoSpaceError} when what is still to come of so many bytes does not fit, with 64 MiB to spare. */
  async reserve(total: number): Promise<void> {
    await checkSpace(this.#directory, Math.max(0, total - this.offset));
  }

  /** Drops all bytes. */
  async restart(): Promise<void> {
    await this.#land();
    await this.discardState();
    if (this.#durable > 0) await syncDirectory(this.#directory);
    await this.#file.truncate(0);
    this.#digester.reset();
    this.#issued = 0;
    this.#durable = 0;
    this.#failure = undefined;
  }

  /** Notes where the bytes come from, so that a later process can go on. @throws as `write` does. */
  async begin(source: Source): Promise<void> {
    this.#source = source;
    await this.#note().catch((error) => {
      this.#failure ??= explained(error, this.#directory);
    });
    this.#check();
  }

  /**
   * Takes a copy of bytes, which may come from a buffer that is used again; resolves when there is room for more.
   *
   * @throws {NoSpaceError} or the system's error, of these bytes or of earlier ones.
   */
  async write(chunk: Uint8Array): Promise<void> {
    for (let rest = chunk; rest.length > 0; ) {
      this.#check();
      if (this.#gathered === 0) this.#gathering = this.#buffers.pop() ?? Buffer.allocUnsafeSlow(BATCH);
      const piece = rest.subarray(0, BATCH - this.#gathered);
      this.#gathering.set(piece, this.#gathered);
      this.#gathered += piece.length;
      rest = rest.subarray(piece.length);
      if (this.#gathered === BATCH) this.#issue();
      while (this.#flying.length >= IN_FLIGHT && this.#failure === undefined) await this.#flying[0]?.landed;
    }
    this.#check();
  }

  /** Has everything written and hashed; not yet synced. More may be written afterwards. */
  async finish(): Promise<Finished> {
    if (this.#gathered > 0) this.#issue();
    while (this.#flying.length > 0 && this.#failure === undefined) await this.#flying[0]?.landed;
    await this.#following;
    if (this.#digester.position < this.#issued) await this.#follow();
    this.#check();
    return { size: this.#issued, digests: this.#digester.digests() };
  }

  /** The same, and on the disk. The descriptor is open until `close`. */
  async seal(): Promise<Sealed> {
    const finished = await this.finish();
    await this.#syncing;
    try {
      await this.#file.sync();
    } catch (error) {
      throw explained(error, this.path);
    }
    this.#durable = finished.size;
    if (this.#source !== undefined) await this.begin({ ...this.#source, total: finished.size });
    return { ...finished, fd: this.#file.fd, path: this.path };
  }

  /** Keeps the file for a later process; removes it when it has filled the disk. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#gathered > 0 && this.#failure === undefined) this.#issue();
    await this.#land();
    if (!(this.#failure instanceof NoSpaceError)) await this.#note().catch(() => {});
    await this.#file.close().catch(() => {});
    if (this.#failure instanceof NoSpaceError) await this.#erase();
  }

  /** Removes the file and its state, and the directory if nothing else is in it. */
  async remove(): Promise<void> {
    await this.discardState();
    await this.close();
    await this.#erase();
  }

  /**
   * Removes the state alone, as before the data is renamed: not synced, for a state without data is nothing to go on with.
   */
  async discardState(): Promise<void> {
    await this.#noting.catch(() => {});
    this.#source = undefined;
    await promises.rm(stateFile(this.#directory), { recursive: true, force: true });
  }

  async #erase(): Promise<void> {
    await promises.rm(this.path, { force: true });
    await promises.rm(stateFile(this.#directory), { recursive: true, force: true });
    removeIfEmpty(this.#directory);
  }

  #issue(): void {
    const bytes = this.#gathering.subarray(0, this.#gathered);
    const position = this.#issued;
    this.#issued += bytes.length;
    this.#gathered = 0;
    this.#flying.push(launch(this.#file, bytes, position, (error) => this.#landed(error)));
    if (this.#digester.position === position) this.#digester.update(bytes);
    else this.#following ??= this.#followFrom();
  }

  #landed(error: unknown): void {
    this.#failure ??= error === undefined ? undefined : explained(error, this.path);
    for (let first = this.#flying[0]; first?.isDone === true; first = this.#flying[0]) {
      this.#flying.shift();
      this.#buffers.push(new Uint8Array(first.bytes.buffer));
    }
    if (this.#failure !== undefined || this.#written - this.#durable < SYNC_EVERY) return;
    this.#syncing ??= this.#sync().finally(() => {
      this.#syncing = undefined;
    });
  }

  /** So many bytes are written without a gap. */
  get #written(): number {
    return this.#flying[0]?.position ?? this.#issued;
  }

  async #sync(): Promise<void> {
    const written = this.#written;
    try {
      await this.#file.datasync();
      this.#durable = written;
      await this.#note();
    } catch (error) {
      this.#failure ??= explained(error, this.path);
    }
  }

  async #followFrom(): Promise<void> {
    try {
      await this.#follow();
    } catch (error) {
      this.#failure ??= error;
    } finally {
      this.#following = undefined;
    }
  }

  /** Hashes what is in the file and was not hashed on its way, and then what is on its way. */
  async #follow(): Promise<void> {
    const buffer = Buffer.allocUnsafe(MEBIBYTE);
    while (this.#digester.position < this.#written && !this.#isClosed) {
      const at = this.#digester.position;
      const most = Math.min(buffer.length, this.#written - at);
      const { bytesRead } = await this.#file.read(buffer, 0, most, at);
      if (bytesRead === 0) throw new Error(`${this.path} became shorter while it was written`);
      if (this.#digester.position !== at) continue; // another algorithm was asked for meanwhile
      this.#digester.update(buffer.subarray(0, bytesRead));
    }
    for (const { bytes } of this.#flying) this.#digester.update(bytes);
  }

  /** Waits until nothing is on its way any more, whatever became of it. */
  async #land(): Promise<void> {
    this.#gathered = 0;
    await Promise.all(this.#flying.map(({ landed }) => landed));
    this.#issued = this.#written; // not what lies behind a write that failed
    this.#flying.length = 0;
    await this.#following;
    await this.#syncing;
  }

  /** One state after the other. */
  #note(): Promise<void> {
    this.#noting = this.#noting
      .catch(() => {})
      .then(async () => {
        if (this.#source === undefined) return;
        const { url, source, validators, total } = this.#source;
        await writeState(this.#directory, {
          url,
          ...(source === undefined ? {} : { source }),
          validators,
          ...(total === undefined ? {} : { total }),
          boot: here().boot,
          durable: this.#durable,
          written: this.#written,
          window: WINDOW,
        });
      });
    return this.#noting;
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }
}
