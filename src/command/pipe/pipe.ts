import type { Readable } from 'node:stream';

/** A pipe of the system between a command and this process. */
export interface Pipe {
  /** What the command writes; ends when nobody has the other end open any more. */
  readonly reader: Readable;
  /** The end for the command, to be closed here as soon as that has it. No program inherits it by accident. */
  readonly writer: number;
}

/**
 * Opens one. Undefined where the system gives none to this program. What Node.js calls a pipe is a connection of two sockets,
 * which nobody can open by its name (`/dev/stdout`) on Linux.
 */
export type OpenPipe = () => Pipe | undefined;
