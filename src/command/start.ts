import { type ChildProcess, spawn } from 'node:child_process';
import { HoldfastError, systemCode } from '../errors/base.ts';
import { printable } from '../errors/describe.ts';
import { isExhaustion } from '../errors/exhaustion.ts';
import { startListener } from './dictated.ts';
import { commandBeyondText } from './exact.ts';
import { limits } from './limits/index.ts';
import { type Recorder, startOnRecord } from './on-record/index.ts';
import { refuseUnrunnable } from './runnable.ts';
import type { StartOptions } from './start-options.ts';

/** A command that could not be started. */
export class NotStarted extends Error {
  /** `exhausted`: the fault is not the command's, and it may start the next time. */
  readonly why: 'not-found' | 'not-executable' | 'exhausted';
  constructor(why: NotStarted['why'], message: string) {
    super(message);
    this.why = why;
  }

  /** The one by which shells tell of it, or by which Holdfast tells that it failed itself. */
  get exitCode(): number {
    return { 'not-found': 127, 'not-executable': 126, exhausted: 125 }[this.why];
  }
}

export interface CommandParts {
  readonly words: readonly [string, ...string[]];
  readonly env: NodeJS.ProcessEnv;
  /**
   * What the command gets as input, which is no pipe, output and error output: also a descriptor of this process. Those of
   * this process where nothing is said.
   */
  readonly stdio?: StartOptions['stdio'];
  /** Descriptors the command gets under the numbers they have here. */
  readonly descriptors: readonly number[];
  /** In a session and process group of its own. */
  readonly detached?: true;
}

const OWN = ['inherit', 'inherit', 'inherit'] as const;

/**
 * Starts a command. Its end is told by `whenEnded`. `record`: what keeps the locks for it; without, its descriptors do.
 *
 * @throws {NotStarted} @throws {UnwritableError} see `startOnRecord`.
 */
export function startCommand(
  { words, env, stdio = OWN, descriptors, detached }: CommandParts,
  record?: Recorder,
): ChildProcess {
  const options = { stdio: layout(stdio, descriptors), env, ...(detached === undefined ? {} : { detached }) };
  try {
    return limits.withOwnDescriptorLimit(() =>
      record === undefined ? start(words, options) : startOnRecord(words, options, record),
    );
  } catch (error) {
    throw error instanceof HoldfastError ? error : notStarted(words[0], error); // some failures are thrown, others emitted
  }
}

/** By way of a shell where Node.js cannot hand the bytes on. */
function start(
  words: CommandParts['words'],
  options: StartOptions & { stdio: StartOptions['stdio'][number][] },
): ChildProcess {
  const [file, ...args] = words;
  const command = commandBeyondText(words, options.env);
  if (command === undefined) return spawn(file, args, options);
  refuseUnrunnable(command);
  const shell = startListener(options);
  shell?.dictate(command);
  return shell?.process ?? spawn(file, args, options);
}

/** 'ignore' above 2 leaves a slot as it is, so every descriptor keeps its number. */
function layout(
  first: StartOptions['stdio'],
  descriptors: readonly number[],
): StartOptions['stdio'][number][] {
  const stdio: StartOptions['stdio'][number][] = [...first];
  for (const fd of descriptors) {
    while (stdio.length < fd) stdio.push('ignore');
    stdio[fd] = fd;
  }
  return stdio;
}

/** How a command ended. */
export type Ending =
  | { readonly code: number; readonly signal: undefined }
  | { readonly code: undefined; readonly signal: NodeJS.Signals }
  | { readonly error: NotStarted };

/** Runs in the very event that tells of the command's end. */
export function whenEnded(command: ChildProcess, onEnd: (ending: Ending) => void): void {
  command.on('exit', (code, signal) => {
    onEnd(signal === null ? { code: code ?? UNKNOWN, signal: undefined } : { code: undefined, signal });
  });
  command.on('error', (error) => {
    if (command.pid === undefined) onEnd({ error: notStarted(command.spawnfile, error) });
  });
}

/** The exit code of a command of which nothing is told. */
const UNKNOWN = 125;

function notStarted(file: string, error: unknown): NotStarted {
  const code = systemCode(error);
  if (code !== undefined && (isExhaustion(code) || code === 'EAGAIN')) {
    const what = code === 'EAGAIN' ? 'processes, or no memory' : 'open files, or no memory';
    const limit = `ulimit -${code === 'EAGAIN' ? 'u' : 'n'}`;
    return new NotStarted(
      'exhausted',
      `${printable(file)} cannot be started: too many ${what} (${code}). Close some, or raise the limit (${limit}), then try again.`,
    );
  }
  if (code === 'EINVAL') {
    // From dup(2) in the child: whoever lowered the limit had opened it before.
    return new NotStarted(
      'exhausted',
      `${printable(file)} cannot be started: a descriptor that it is to inherit has a number beyond the limit on open files (EINVAL). Close it, or raise the limit (ulimit -n), then try again.`,
    );
  }
  if (code === 'ENOENT') return new NotStarted('not-found', `${printable(file)}: command not found`);
  const why = code === 'EACCES' ? 'not executable' : `cannot be executed (${code ?? String(error)})`;
  return new NotStarted('not-executable', `${printable(file)}: ${why}`);
}
