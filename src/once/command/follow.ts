import { closeSync, fstatSync, readSync, statSync, watch } from 'node:fs';
import { openOwnFile } from '../../storage/own-file.ts';
import { clearInterval, setInterval } from '../../time/time.ts';
import type { Store } from '../store.ts';
import { logPath, type Run } from './log.ts';
import type { Sink, StreamName } from './sink.ts';

const LOOK_EVERY = 100;
const CHUNK = 65_536;

/** Gives the logs of a run while they grow, through their rotation. What the sink throws ends it. */
export class LogFollower {
  /** Which run it is. */
  readonly run: Run;
  /** Rejects with what the sink throws, or the system when a log cannot be read. */
  readonly trouble: Promise<never>;
  readonly #tails: readonly Tail[];
  readonly #timer: NodeJS.Timeout;
  readonly #watcher: { close(): void } | undefined;
  #fail: (error: unknown) => void = () => {};
  #looking: Promise<void> = Promise.resolve();
  #asked = 0;

  constructor(store: Store, run: Run, sink: Sink) {
    this.run = run;
    this.trouble = new Promise((_resolve, reject) => {
      this.#fail = reject;
    });
    this.trouble.catch(() => {});
    this.#tails = (['stdout', 'stderr'] as const).map(
      (name) => new Tail(logPath(store, run, name), name, sink),
    );
    this.#watcher = watchOrNothing(store.runDirectory(run), () => this.#look());
    this.#timer = setInterval(() => this.#look(), LOOK_EVERY);
    this.#look();
  }

  /** How many bytes of each stream were given. */
  get given(): Readonly<Record<StreamName, number>> {
    const [stdout = 0, stderr = 0] = this.#tails.map(({ given }) => given);
    return { stdout, stderr };
  }

  /** One look at a time; those that are asked for meanwhile are one more. */
  #look(): void {
    if (this.#asked > 1) return;
    this.#asked++;
    this.#looking = this.#looking
      .then(async () => {
        this.#asked--;
        for (const tail of this.#tails) await tail.look();
      })
      .catch((error) => {
        this.stop();
        this.#fail(error);
      });
  }

  /** Gives what is still to come of a run that is over, and stops. @throws as `trouble`. */
  async end(): Promise<void> {
    this.#leave();
    this.#asked = 0;
    this.#look();
    await Promise.race([this.#looking, this.trouble]);
    for (const tail of this.#tails) tail.close();
  }

  /** Stops, whatever is still to come. */
  stop(): void {
    this.#leave();
    for (const tail of this.#tails) tail.close();
  }

  #leave(): void {
    clearInterval(this.#timer);
    this.#watcher?.close();
  }
}

class Tail {
  readonly #path: string;
  readonly #stream: StreamName;
  readonly #sink: Sink;
  #fd: number | undefined;
  #isClosed = false;
  given = 0;

  constructor(path: string, stream: StreamName, sink: Sink) {
    this.#path = path;
    this.#stream = stream;
    this.#sink = sink;
  }

  /** The writer closes a full log before it puts it aside, so what is open here can be read to its end first. */
  async look(): Promise<void> {
    while (!this.#isClosed) {
      this.#fd ??= openOwnFile(this.#path);
      if (this.#fd === undefined) return;
      await this.#copy();
      if (this.#fd === undefined) return;
      if (statSync(this.#path, { throwIfNoEntry: false })?.ino === fstatSync(this.#fd).ino) return;
      await this.#copy();
      this.#leave();
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#leave();
  }

  #leave(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  /** The sink takes its time: this may be closed meanwhile. */
  async #copy(): Promise<void> {
    while (this.#fd !== undefined) {
      const buffer = Buffer.allocUnsafe(CHUNK);
      const count = readSync(this.#fd, buffer);
      if (count === 0) return;
      this.given += count;
      await this.#sink(buffer.subarray(0, count), this.#stream);
    }
  }
}

/** The timer goes on without events. */
export function watchOrNothing(path: string, onChange: () => void): { close(): void } | undefined {
  try {
    return watch(path, onChange).on('error', () => {});
  } catch {
    return undefined;
  }
}
