import { type ChildProcess, spawn } from 'node:child_process';
import { HoldfastError, systemCode } from '../../errors/base.ts';
import { printable } from '../../errors/describe.ts';
import { exitCodes } from '../exit-codes.ts';
import { CliError } from '../report.ts';
import { exactWords } from './bytes.ts';
import { exitCodeOfSignal } from './interrupt.ts';
import { type Recorder, startOnRecord } from './on-record/index.ts';

export interface CommandParts {
  readonly words: readonly [string, ...string[]];
  /** Descriptors the command gets under the numbers they have here. */
  readonly descriptors: readonly number[];
  readonly env: NodeJS.ProcessEnv;
}

/**
 * Starts a command on this process' own input and output. Its end is told by `whenEnded`. `record`: what keeps the locks
 * for it; without, its descriptors do. @throws {CliError} @throws {UnwritableError} see `startOnRecord`.
 */
export function startCommand({ words, descriptors, env }: CommandParts, record?: Recorder): ChildProcess {
  const exact = exactWords(words);
  const [file, ...args] = exact;
  const options = { stdio: layout(descriptors), env };
  try {
    return record === undefined ? spawn(file, args, options) : startOnRecord(exact, options, record);
  } catch (error) {
    throw error instanceof HoldfastError ? error : cannotRun(file, error); // some failures are thrown, others emitted
  }
}

/** 'ignore' above 2 leaves a slot as it is, so every descriptor keeps its number. */
function layout(descriptors: readonly number[]): ('inherit' | 'ignore' | number)[] {
  const stdio: ('inherit' | 'ignore' | number)[] = ['inherit', 'inherit', 'inherit'];
  for (const fd of descriptors) {
    while (stdio.length < fd) stdio.push('ignore');
    stdio[fd] = fd;
  }
  return stdio;
}

/** The exit code that stands for how the command ended. `onEnd` runs in the very event that tells of it. */
export function whenEnded(
  command: ChildProcess,
  onEnd: (outcome: { readonly exitCode: number } | { readonly error: unknown }) => void,
): void {
  command.on('exit', (code, signal) => {
    onEnd({ exitCode: signal === null ? (code ?? exitCodes.failure) : exitCodeOfSignal(signal) });
  });
  command.on('error', (error) => {
    if (command.pid === undefined) onEnd({ error: cannotRun(command.spawnfile, error) });
  });
}

/** As env(1) and timeout(1) tell it: 127 when there is no such command, 126 when it cannot be executed. */
function cannotRun(file: string, error: unknown): CliError {
  const code = systemCode(error);
  if (code === 'ENOENT') return new CliError(exitCodes.notFound, `${printable(file)}: command not found`);
  const why = code === 'EACCES' ? 'not executable' : `cannot be executed (${code ?? String(error)})`;
  return new CliError(exitCodes.notExecutable, `${printable(file)}: ${why}`);
}
