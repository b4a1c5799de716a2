import { fstatSync, promises, type Stats } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { explained, NoSpaceError } from '../../errors/content-errors.ts';
import { here } from '../../identity/index.ts';
import { makeOwnDirectory } from '../../storage/directory.ts';
import { writeAll } from '../../storage/durable.ts';
import { removeIfEmpty } from '../../storage/fs/quietly.ts';
import { lstatOrNothing } from '../../storage/fs/stat.ts';
import { Digester, type Hashed } from '../hash.ts';
import type { Algorithm } from '../integrity.ts';
import { isAt, newData, openData } from './data-file.ts';
import { dataFile, type PartialState, readState, type Source, stateFile, writeState } from './state.ts';

const KIBIBYTE = 1024;
const MEBIBYTE = 1024 * KIBIBYTE;
/** Chunks are gathered to so many bytes a write. */
const BATCH = 512 * KIBIBYTE;
/** Writes on their way at the same time. */
const IN_FLIGHT = 6;
/** How far from the end of the file a write may be missing. */
const WINDOW = IN_FLIGHT * BATCH;
const SYNC_EVERY = 32 * MEBIBYTE;
/** Bytes that are left free for everything else on the disk. */
const MARGIN = 64 * MEBIBYTE;

export type Finished = Pick<Hashed, 'digests' | 'size'>;

/** Bytes on their way to their place in the file. */
interface Batch {
  readonly position: number;
  /** Its memory, when that is for the next batch once this one has landed; none when it is the caller's. */
  readonly buffer: Uint8Array | undefined;
  /** Never rejects. */
  readonly landed: Promise<void>;
}

/**
 * One content that is being written, in a directory of its own: the bytes in `data`, where they come from and how many
 * stand in `state.json`. For one user at a time, who holds the lock of the key.
 *
 *  1. `begin` notes the source. Dying before it: there is no state, so the next `open` starts at 0.
 *  2. Bytes are written, up to six writes at a time, and hashed meanwhile, unless there were some before: then all are
 *     read and hashed once they are there. Dying here leaves holes near the end; `open`
 *     goes back to before the first place where one can be (`standing`).
 *  3. Every 32 MiB, `fdatasync`, then the state notes that many as durable: in this order, so that a power loss at any
 *     point leaves a state that says too little, never too much.
 *  4. `restart` removes the state and the data, for good, before a new file has its first byte (`newData`): an old state
 *     never meets new bytes, nor a new one old bytes. Who was stopped in the midst of a write, and lost the lock, writes on
 *     into the file that nobody publishes.
 *  5. Who lost the lock notes and removes nothing any more, once the file at the path is another's. Stopped between that look
 *     and the rename of its state, it puts that over the next holder's: a state names its file, so it meets no other bytes.
 *  6. `seal` syncs. Dying after it: the next `open` finds all bytes, and the state the size of the whole. A sync that
 *     fails takes the file with it, for what can be read of it may be on no disk.
 */
export class PartialFile {
  readonly path: string;
  adopted: Stats | undefined;
  readonly #directory: string;
  #file: FileHandle;
  readonly #digester = new Digester();
  /** In the order of their positions; the first one has not landed. */
  readonly #flying: Batch[] = [];
  readonly #landed = new Set<Batch>();
  readonly #buffers: Uint8Array[] = [];
  #gathering: Uint8Array = Buffer.alloc(0);
  #gathered = 0;
  /** Where the next batch goes. */
  #issued: number;
  #durable: number;
  #source: Source | undefined;
  #failure: unknown;
  #isLost = false;
  #syncing: Promise<void> | undefined;
  #noting: Promise<void> = Promise.resolve();
  #isClosed = false;

  private constructor(path: string, file: FileHandle, offset: number, state?: PartialState) {
    this.path = path;
    this.#directory = dirname(path);
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
      makeOwnDirectory(directory);
      const path = dataFile(directory);
      const state = resume ? readState(directory) : undefined;
      const found = state === undefined ? undefined : await openData(directory, state, WINDOW);
      if (found === undefined) return new PartialFile(path, await newData(directory), 0);
      const partial = new PartialFile(path, found.file, found.offset, state);
      await partial.#note(); // what was cut off is no longer said to be there
      return partial;
    } catch (error) {
      throw explained(error, directory);
    }
  }

  /** A file that somebody else has written, with all that is in it. `stats`: what was found of it then. */
  static adopt(path: string, file: FileHandle, stats: Stats): PartialFile {
    const partial = new PartialFile(path, file, stats.size);
    partial.adopted = stats;
    return partial;
  }

  get fd(): number {
    return this.#file.fd;
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
    const needed = Math.max(0, total - this.offset);
    const { bavail, bsize, blocks } = await promises.statfs(this.#directory);
    const available = blocks === 0 ? Number.POSITIVE_INFINITY : bavail * bsize; // some file systems do not count
    if (needed + MARGIN <= available) return;
    throw new NoSpaceError(this.#directory, { needed, available, kept: MARGIN });
  }

  /** Drops all bytes. @throws where another user of the directory has begun a file of its own. */
  async restart(): Promise<void> {
    await this.#land();
    await this.#noting.catch(() => {});
    if (this.#isReplaced()) throw new Error(`${this.path} was replaced while it was written`);
    this.#source = undefined;
    const file = await newData(this.#directory).catch((error) => {
      throw explained(error, this.#directory);
    });
    await this.#file.close().catch(() => {});
    this.#file = file;
    this.#digester.reset();
    this.#issued = 0;
    this.#durable = 0;
    this.#failure = undefined;
    this.#isLost = false;
  }

  /** Notes where the bytes come from, so that a later process can go on. @throws as `write` does. */
  async begin(source: Source): Promise<void> {
    this.#source = source;
    await this.#note().catch((error) => this.#failed(error));
    this.#check();
  }

  /**
   * Takes bytes, which must stay what they are until it resolves, and may be others then: their buffer is used again.
   * Small pieces are gathered in a copy; what fills a batch by itself is written from where it lies.
   *
   * @throws {NoSpaceError} or the system's error, of these bytes or of earlier ones.
   */
  async write(chunk: Uint8Array): Promise<void> {
    const borrowed: Promise<void>[] = [];
    for (let rest = chunk; rest.length > 0; ) {
      this.#check();
      const piece = rest.subarray(0, BATCH - this.#gathered);
      if (piece.length === BATCH) borrowed.push(this.#issue(piece));
      else this.#gather(piece);
      rest = rest.subarray(piece.length);
      while (this.#flying.length >= IN_FLIGHT && this.#failure === undefined) await this.#flying[0]?.landed;
    }
    await Promise.all(borrowed);
    this.#check();
  }

  #gather(piece: Uint8Array): void {
    if (this.#gathered === 0) this.#gathering = this.#buffers.pop() ?? Buffer.allocUnsafeSlow(BATCH);
    this.#gathering.set(piece, this.#gathered);
    this.#gathered += piece.length;
    if (this.#gathered === BATCH) this.#issueGathered();
  }

  /** Has everything written and hashed; not yet synced. More may be written afterwards. */
  async finish(signal?: AbortSignal): Promise<Finished> {
    if (this.#gathered > 0) this.#issueGathered();
    while (this.#flying.length > 0 && this.#failure === undefined) await this.#flying[0]?.landed;
    this.#check();
    if (this.#digester.position < this.#issued) {
      if (this.#issued - this.#durable >= SYNC_EVERY) this.#startSync(); // beside the hashing
      await this.#digester.read(this.#file, this.#issued, signal);
    }
    if (this.#digester.position < this.#issued)
      throw new Error(`${this.path} became shorter while it was written`);
    return { size: this.#issued, digests: this.#digester.digests() };
  }

  /** The same, and on the disk. */
  async seal(signal?: AbortSignal): Promise<Finished> {
    const finished = await this.finish(signal);
    await this.#syncing;
    this.#check();
    await this.#flush('sync');
    this.#check();
    this.#durable = finished.size;
    if (this.#source !== undefined) await this.begin({ ...this.#source, total: finished.size });
    return finished;
  }

  /** Keeps the file for a later process; removes it when it has filled the disk, or could not be synced. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#gathered > 0 && this.#failure === undefined) this.#issueGathered();
    await this.#land();
    const isOfNoUse = this.#isLost || this.#failure instanceof NoSpaceError;
    if (!isOfNoUse) await this.#note().catch(() => {});
    const isReplaced = this.#isReplaced();
    await this.#file.close().catch(() => {});
    if (!isOfNoUse || isReplaced) return;
    await promises.rm(this.path, { force: true });
    await this.#forgetState();
    removeIfEmpty(this.#directory);
  }

  async #forgetState(): Promise<void> {
    await this.#noting.catch(() => {});
    this.#source = undefined;
    await promises.rm(stateFile(this.#directory), { recursive: true, force: true });
  }

  #issueGathered(): void {
    const bytes = this.#gathering.subarray(0, this.#gathered);
    this.#gathered = 0;
    this.#issue(bytes, this.#gathering);
  }

  /** Resolves when nobody reads the bytes any more. */
  #issue(bytes: Uint8Array, buffer?: Uint8Array): Promise<void> {
    const position = this.#issued;
    this.#issued += bytes.length;
    const landed = writeAll(this.#file, bytes, position).then(
      () => this.#arrived(batch),
      (error) => this.#failed(error),
    );
    const batch: Batch = { position, buffer, landed };
    this.#flying.push(batch);
    if (this.#digester.position === position) this.#digester.update(bytes); // else `finish` reads it
    return landed;
  }

  #arrived(batch: Batch): void {
    this.#landed.add(batch);
    for (
      let first = this.#flying[0];
      first !== undefined && this.#landed.delete(first);
      first = this.#flying[0]
    ) {
      this.#flying.shift();
      if (first.buffer !== undefined) this.#buffers.push(first.buffer);
    }
    if (this.#failure === undefined && this.#written - this.#durable >= SYNC_EVERY) this.#startSync();
  }

  #startSync(): void {
    this.#syncing ??= this.#sync().finally(() => {
      this.#syncing = undefined;
    });
  }

  #failed(error: unknown): void {
    this.#failure ??= explained(error, this.path);
  }

  /** So many bytes are written without a gap. */
  get #written(): number {
    return this.#flying[0]?.position ?? this.#issued;
  }

  async #sync(): Promise<void> {
    const written = this.#written;
    await this.#flush('datasync');
    if (this.#failure !== undefined) return;
    this.#durable = written;
    await this.#note().catch((error) => this.#failed(error));
  }

  /** When it fails, nobody knows which bytes are lost, and the next one succeeds: the system tells of them once. */
  async #flush(how: 'sync' | 'datasync'): Promise<void> {
    try {
      await this.#file[how]();
    } catch (error) {
      this.#isLost = true;
      this.#failed(error);
    }
  }

  /** Waits until nothing is on its way any more, whatever became of it. */
  async #land(): Promise<void> {
    this.#gathered = 0;
    await Promise.all(this.#flying.map(({ landed }) => landed));
    this.#issued = this.#written; // not what lies behind a write that failed
    this.#flying.length = 0;
    await this.#syncing;
  }

  /** One state after the other. */
  #note(): Promise<void> {
    this.#noting = this.#noting
      .catch(() => {})
      .then(async () => {
        if (this.#source === undefined || this.#isReplaced()) return;
        const extent = { durable: this.#durable, written: this.#written, window: WINDOW };
        const { ino: inode } = fstatSync(this.fd);
        await writeState(this.#directory, { ...this.#source, boot: here().boot, inode, ...extent });
      });
    return this.#noting;
  }

  #isReplaced(): boolean {
    return lstatOrNothing(this.path) !== undefined && !isAt(this.path, this.fd);
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }
}
