import { spawn } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Writable } from 'node:stream';
import { startAnnounced } from './announced.ts';
import { identityOf, type StartOnRecord } from './on-record.ts';

/** A shell need not understand a descriptor of more than one digit. */
const DIGITS = [3, 4, 5, 6, 7, 8, 9];

/**
 * Starts a shell that waits for a word, puts it on record, and gives it the word: only then it becomes the command, by
 * `exec`, and keeps the process id and the start time that were recorded.
 *
 * Trace (W this process, S the shell, C the command that S becomes; W is killed):
 *  1. Before W starts S: there is no C, and W's locks are free.
 *  2. S runs and is not on record: the locks are free, and S reads the end of its input, whenever it comes to that. So it
 *     ends and never becomes C, though another holder be at work by then.
 *  3. S is on record, and W has not said the word: as 2, and the locks are free when S has ended.
 *  4. W has said the word: S becomes C, if it was not killed itself. It is on record since 3, so the locks are its own
 *     until it ends.
 *  The record cannot be written: W never says the word, and ends S.
 *  Nobody but W can say it, for W's end of the connection is closed in every process that W starts.
 */
export const startHeldBack: StartOnRecord = (words, options, record) => {
  const digit = DIGITS.find((fd) => isFree(options.stdio[fd]));
  if (digit === undefined) return startAnnounced(words, options, record);
  refuseMissing(words[0], options.env);
  const script = `read -r word <&${digit} && exec "$@" ${digit}<&-`;
  const stdio = [...options.stdio];
  while (stdio.length < digit) stdio.push('ignore');
  stdio[digit] = 'pipe';
  const all = [...unspeakable(options.env), ...words];
  const command = spawn('/bin/sh', ['-c', script, 'sh', ...all], { ...options, stdio });
  if (command.pid === undefined) return command;
  const line = command.stdio[digit] as Writable;
  line.on('error', () => {}); // EPIPE: the shell was killed, and its end is told
  try {
    record(identityOf(command.pid));
  } catch (error) {
    line.destroy();
    command.kill('SIGKILL');
    throw error;
  }
  line.end('go\n');
  return command;
};

function isFree(use: unknown): boolean {
  return use === undefined || use === 'ignore';
}

/** Some shells drop variables whose names they could not write themselves, such as exported functions; env(1) does not. */
function unspeakable(env: NodeJS.ProcessEnv): string[] {
  const odd = Object.entries(env).filter(
    ([name, value]) => value !== undefined && !/^[A-Za-z_]\w*$/.test(name),
  );
  return odd.length === 0 ? [] : ['env', ...odd.map(([name, value]) => `${name}=${value}`)];
}

/** Throws what `spawn` would emit: the shell's own words for a missing command say less. */
function refuseMissing(file: string, { PATH }: NodeJS.ProcessEnv): void {
  if (PATH === undefined) return; // the system has a default
  const places = file.includes('/')
    ? [file]
    : PATH.split(delimiter).map((directory) => join(directory, file));
  const errors = places.map((place) => errorOf(() => refuseUnrunnable(place)));
  if (errors.includes(undefined)) return;
  throw errors.find((error) => error?.code === 'EACCES') ?? errors[0];
}

function refuseUnrunnable(file: string): void {
  accessSync(file, constants.X_OK);
  if (statSync(file).isDirectory()) throw Object.assign(new Error('a directory'), { code: 'EACCES' });
}

function errorOf(check: () => void): NodeJS.ErrnoException | undefined {
  try {
    check();
    return undefined;
  } catch (error) {
    return error as NodeJS.ErrnoException;
  }
}
