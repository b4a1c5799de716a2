import { type ExecFileSyncOptions, execFileSync } from 'node:child_process';
import { HANGING } from './deadline.ts';

type ToolOptions = Pick<ExecFileSyncOptions, 'env' | 'cwd' | 'timeout'>;

/** Runs a small program to its end; returns its output. Throws with what it complained of when it fails or hangs. */
export function tool(command: string, args: readonly string[], options: ToolOptions = {}): string {
  const PATH = `${process.env.PATH}:/usr/sbin:/sbin`; // programs of root are not in everybody's path
  const env = { ...process.env, PATH, ...options.env };
  return execFileSync(command, args, { timeout: HANGING, stdio: 'pipe', ...options, env, encoding: 'utf8' });
}

export function makeFifo(path: string): void {
  tool('mkfifo', [path]);
}

/** A device that takes everything and gives nothing. Needs root. */
export function makeDevice(path: string): void {
  tool('mknod', [path, 'c', '1', '3']);
}

/**
 * What a program is started through so that the system calls of one name fail, or kill it, as strace(1) is told; at one
 * path only, if it is given.
 */
export function injecting(call: string, what: string, path?: string): string[] {
  const where = path === undefined ? [] : ['-P', path];
  return ['strace', '-f', '-o', '/dev/null', '-e', `trace=${call}`, '-e', `inject=${call}:${what}`, ...where];
}
