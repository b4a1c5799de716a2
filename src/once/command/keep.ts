import { spawn } from 'node:child_process';
import { openSync } from 'node:fs';
import type { Socket } from 'node:net';
import { devNull } from 'node:os';
import { inheritedDescriptors } from '../../command/descriptors.ts';
import { closeQuietly } from '../../storage/fs/quietly.ts';
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
  let nothing: number | undefined;
  try {
    const keeper = programFile('keeper');
    if (keeper === undefined) return;
    nothing = openSync(devNull, 'r');
    const { HOLDFAST_HELD: _, HOLDFAST_RECOVERED: __, ...env } = process.env;
    spawn(process.execPath, [keeper, directory], {
      stdio: layout([stdout, stderr] as Socket[], nothing),
      detached: true,
      cwd: '/', // no file system is kept from being unmounted
      env,
    })
      .on('error', () => {})
      .unref();
  } catch {
    // No process can be started, or the package is not there any more.
  } finally {
    if (nothing !== undefined) closeQuietly(nothing);
  }
}

/**
 * The two outputs under their numbers, and nothing in the place of what this process was started with, such as the lock of a
 * script, or a pipe that somebody reads to its end.
 */
function layout(outputs: readonly Socket[], nothing: number): ('ignore' | Socket | number)[] {
  const open = outputs.map((stream) => (stream.destroyed ? 'ignore' : stream));
  const stdio: ReturnType<typeof layout> = ['ignore', 'ignore', 'ignore', ...open];
  for (const fd of inheritedDescriptors()) {
    while (stdio.length < fd) stdio.push('ignore');
    if (fd > KEPT.stderr) stdio[fd] = nothing;
  }
  return stdio;
}
