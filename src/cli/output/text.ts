import { fstatSync, writeSync } from 'node:fs';
import { systemCode } from '../../errors/base.ts';
import { printable } from '../../errors/describe.ts';
import { isFull } from '../../errors/exhaustion.ts';
import type { StreamName } from '../../once/command/sink.ts';
import { sleepSync } from '../../storage/fs/sleep-sync.ts';
import { exitCodes } from '../exit-codes.ts';

/** Milliseconds that the reader of a full pipe is given, where somebody made the pipe non-blocking. */
const FULL_PIPE = 5;
const LINE_END = 10;

const warnings = new Set<string>();

/**
 * Writes to standard output or error at once, so that nothing is lost when the process exits right after.
 * `process.stdout` would cost a millisecond to set up, and writes to pipes later. False when nobody reads any more.
 */
export function write(descriptor: 1 | 2, text: string | Uint8Array): boolean {
  const bytes = typeof text === 'string' ? Buffer.from(text) : text;
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(descriptor, bytes, at);
    } catch (error) {
      const code = systemCode(error);
      if (code !== 'EAGAIN') {
        outputIsLost(descriptor, code);
        return false; // EPIPE and the like
      }
      sleepSync(FULL_PIPE);
    }
  }
  return true;
}

let isLost = false;

/** Whoever reads the file has not got what was asked for: that is no success. */
export function outputIsLost(descriptor: number, code = ''): void {
  if (descriptor !== 1 || !isFull(code) || warnings.has(code)) return;
  warnings.add(code);
  isLost = true;
  note(`standard output cannot be written: ${code}. Make room on its disk`);
  process.once('exit', () => {
    process.exitCode ||= exitCodes.failure;
  });
}

/** The exit code of a no that standard output has the reasons or the rest of: it counts only if that was written. */
export function codeOfNo(): number {
  return isLost ? exitCodes.failure : exitCodes.no;
}

export function print(line: string): boolean {
  return write(1, `${line}\n`);
}

const withinLine = { stdout: false, stderr: false };
let isOneFile: boolean | undefined;

/** This process has passed on what a command said. */
export function passedOn(chunk: Uint8Array, stream: StreamName): void {
  atLineEnd(stream, chunk.at(-1) === LINE_END);
}

/** Both streams may be one file, pipe or terminal: then both are where it is. */
function atLineEnd(stream: StreamName, isAtEnd: boolean): void {
  isOneFile ??= areOneFile(1, 2);
  withinLine[stream] = !isAtEnd;
  if (isOneFile) withinLine.stdout = withinLine.stderr = !isAtEnd;
}

function areOneFile(a: number, b: number): boolean {
  try {
    const [one, other] = [fstatSync(a), fstatSync(b)];
    return one.dev === other.dev && one.ino === other.ino;
  } catch {
    return false; // one of them is closed
  }
}

/** Whether what this process passed on there ends within a line. */
export function isWithinLine(stream: StreamName): boolean {
  return withinLine[stream];
}

/** A line of this process' own on standard error, behind whatever it passed on there. */
export function tell(line: string): void {
  write(2, `${withinLine.stderr ? '\n' : ''}${line}\n`);
  if (withinLine.stderr) atLineEnd('stderr', true);
}

/** A line for the person at the terminal, beside whatever the command itself prints. */
export function note(line: string): void {
  tell(`holdfast: ${line}`);
}

/** That the last holder of a lock, or the last runner of an ID, died. */
export function noteRecovery(name: string): void {
  note(`${printable(name)}: its last holder ended without releasing it, so its work may be half-done`);
}

/** A warning, once: what a lock says of itself, the library may have warned of already. */
export function warnOnce(text: string): void {
  if (warnings.has(text)) return;
  warnings.add(text);
  note(`warning: ${text}`);
}
