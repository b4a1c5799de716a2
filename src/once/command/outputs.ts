import type { ChildProcess } from 'node:child_process';
import { Readable } from 'node:stream';
import { openPipe } from '../../command/pipe/index.ts';
import { closeQuietly } from '../../storage/fs/quietly.ts';
import type { LogFile } from './log-file.ts';

/** The two outputs of a command, as they are read here. */
export interface Outputs {
  readonly stdout: Readable;
  readonly stderr: Readable;
}

/** Pipes of the system where there are any, so that a command can open its outputs by name; else what Node.js makes. */
export function openOutputs() {
  const pipes = [openPipe(), openPipe()] as const;
  const [stdout, stderr] = pipes;
  return {
    /** What a command is started with. */
    forCommand: [stdout?.writer ?? 'pipe', stderr?.writer ?? 'pipe'] as const,
    /** Of the command that was started; one that could not be, for want of descriptors, has none. */
    of: (child: ChildProcess): Outputs => ({
      stdout: stdout?.reader ?? child.stdout ?? Readable.from([]),
      stderr: stderr?.reader ?? child.stderr ?? Readable.from([]),
    }),
    /** The ends that the command has, or will never have. */
    close() {
      for (const pipe of pipes) if (pipe !== undefined) closeQuietly(pipe.writer);
    },
  };
}

/** Bytes that a command may have left unread when it ended: the most that a pipe takes, unless root has raised that. */
const PIPEFUL = 1024 * 1024;

/**
 * One output of a command, on its way to its log and to the sink, which gets one chunk at a time. A sink that takes its time
 * has the command wait; of one that has ended, Node.js gives what is left whether the stream is paused or not.
 */
export class Pump {
  /** Resolves when nobody has the output open any more, and the sink has taken all of it. */
  readonly over: Promise<void>;
  readonly #stream: Readable;
  #taken: Promise<void> = Promise.resolve();
  #untaken = 0;
  #hasSpoken = false;
  #late = 0;
  #state: 'open' | 'finishing' | 'logging' = 'open';

  constructor(stream: Readable, log: LogFile, give: ((chunk: Buffer) => Promise<void>) | undefined) {
    this.#stream = stream;
    const closed = new Promise<void>((resolve) => stream.on('close', resolve));
    this.over = closed.then(() => this.#taken);
    stream.on('error', () => {}); // what cannot be read any more is closed
    stream.on('data', (chunk: Buffer) => {
      this.#hasSpoken = true;
      log.write(chunk);
      if (give === undefined || this.#state === 'logging') return;
      stream.pause();
      this.#untaken++;
      this.#taken = this.#taken
        .then(() => give(chunk))
        .then(() => {
          this.#late += chunk.length;
          if (--this.#untaken === 0 && this.#state === 'open') stream.resume();
        });
    });
  }

  /** The sink has not taken what it was given. */
  get isWaiting(): boolean {
    return this.#untaken > 0;
  }

  /** The sink may not have got yet what the command itself has written. */
  get owes(): boolean {
    return this.isWaiting && this.#late < PIPEFUL;
  }

  /** The command has ended: what comes from now on may be of others. */
  commandEnded(): void {
    this.wasSilent();
    this.#late = 0;
  }

  /** Whether nothing has come since this was asked last. */
  wasSilent(): boolean {
    const was = !this.#hasSpoken;
    this.#hasSpoken = false;
    return was;
  }

  /** Gives the sink nothing more than what has been read; resolves when it has taken that. */
  async finish(): Promise<void> {
    this.#state = 'finishing';
    this.#stream.pause();
    this.#readOn();
    await this.#taken;
  }

  /** Logs what was read meanwhile. Then nothing is left here, until the event loop turns. */
  logRest(): void {
    this.#state = 'logging';
    this.#readOn();
  }

  /** Reads what Node.js has taken from the system already, which comes as events. */
  #readOn(): void {
    while (this.#stream.read() !== null);
  }
}
