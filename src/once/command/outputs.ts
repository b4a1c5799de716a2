import type { ChildProcess } from 'node:child_process';
import type { Readable } from 'node:stream';
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
    /** Of the command that was started. */
    of: (child: ChildProcess): Outputs => ({
      stdout: stdout?.reader ?? (child.stdout as Readable),
      stderr: stderr?.reader ?? (child.stderr as Readable),
    }),
    /** The ends that the command has, or will never have. */
    close() {
      for (const pipe of pipes) if (pipe !== undefined) closeQuietly(pipe.writer);
    },
  };
}

/**
 * One output of a command, on its way to its log and to the sink, which gets one chunk at a time. A sink that takes its time
 * has the command wait; of one that has ended, Node.js gives what is left whether the stream is paused or not.
 */
export class Pump {
  /** Resolves when nobody has the output open any more, and the sink has taken all of it. */
  readonly over: Promise<void>;
  #taken: Promise<void> = Promise.resolve();
  #untaken = 0;
  #hasSpoken = false;

  constructor(stream: Readable, log: LogFile, give: ((chunk: Buffer) => Promise<void>) | undefined) {
    const closed = new Promise<void>((resolve) => stream.on('close', resolve));
    this.over = closed.then(() => this.#taken);
    stream.on('error', () => {}); // what cannot be read any more is closed
    stream.on('data', (chunk: Buffer) => {
      this.#hasSpoken = true;
      log.write(chunk);
      if (give === undefined) return;
      stream.pause();
      this.#untaken++;
      this.#taken = this.#taken
        .then(() => give(chunk))
        .then(() => {
          if (--this.#untaken === 0) stream.resume();
        });
    });
  }

  /** The sink has not taken what it was given. */
  get isWaiting(): boolean {
    return this.#untaken > 0;
  }

  /** Whether nothing has come since this was asked last. */
  wasSilent(): boolean {
    const was = !this.#hasSpoken;
    this.#hasSpoken = false;
    return was;
  }
}
