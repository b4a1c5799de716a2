import { spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import type { Outputs } from './outputs.ts';
import { programFile } from './program-file.ts';

/** The descriptors on which the keeper reads what is left of the two outputs. */
export const KEPT = { stdout: 3, stderr: 4 } as const;

/**
 * Has another process go on with the outputs of a command that has ended, while processes that it left behind have them
 * open: what they write is kept in the log of the run, up to what that takes, and none of them is ended by a write that nobody
 * reads. This process may end. Best effort: without it, they write to nobody, as if this process had been killed.
 */
export function keepLogging({ stdout, stderr }: Outputs, directory: string): void {
  try {
    const open = [stdout, stderr].map((stream) => (stream.destroyed ? 'ignore' : (stream as Socket)));
    const { HOLDFAST_HELD: _, HOLDFAST_RECOVERED: __, ...env } = process.env;
    spawn(process.execPath, [programFile('keeper'), directory], {
      stdio: ['ignore', 'ignore', 'ignore', ...open],
      detached: true,
      env,
    })
      .on('error', () => {})
      .unref();
  } catch {
    // No process can be started, or the package is not there any more.
  }
}
