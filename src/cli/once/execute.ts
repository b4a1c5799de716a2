import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { isatty } from 'node:tty';
import { HoldfastError, systemCode } from '../../errors/base.ts';
import { printable } from '../../errors/describe.ts';
import { type CommandContext, NoResult } from '../../once/job.ts';
import type { Store } from '../../once/store.ts';
import { exitCodes } from '../exit-codes.ts';
import { write } from '../output/text.ts';
import { CliError } from '../report.ts';
import { exactWords } from '../run/bytes.ts';
import { heldVariable } from '../run/held.ts';
import { exitCodeOfSignal } from '../run/interrupt.ts';
import { identityOf, startOnRecord } from '../run/on-record/index.ts';
import { LogFile } from './log-file.ts';
import { CommandFailed, type CommandOutcome } from './outcome.ts';
import { stopOnAbort } from './process-group.ts';

export interface Execution {
  readonly id: string;
  readonly words: readonly [string, ...string[]];
  readonly store: Store;
  /** `shown`: also on this process' own output, and with its input. `background`: in the logs only, without input. */
  readonly output: 'shown' | 'background';
  /** Stops the command; its reason is the name of the signal to do it with. */
  readonly stop: AbortSignal;
}

/** How long what a command wrote may take to arrive after its end, while others keep its output open. Milliseconds. */
const LAST_WORDS = 250;

/**
 * Runs a command under the lock, in a session and process group of its own, and logs what it says.
 *
 * The command gets the lock too: should this process be killed, the lock stays held until the command ends, so that
 * there are never two of them. A lock that no descriptor carries gets there by its record.
 *
 * @throws {CommandFailed} @throws {NoResult} it was ended by a signal, or `context.signal` stopped it.
 */
export async function execute(execution: Execution, context: CommandContext): Promise<CommandOutcome> {
  const { id, words, store } = execution;
  const directory = store.runDirectory(context.current);
  mkdirSync(directory, { mode: 0o700 });
  const logs = {
    stdout: new LogFile(join(directory, 'stdout')),
    stderr: new LogFile(join(directory, 'stderr')),
  };
  const ending = await run(execution, context, logs);
  logs.stdout.close();
  logs.stderr.close();
  const task = context.current.task;
  if (task === undefined) throw new TypeError('a command without a task');
  const result = (exitCode: number): CommandOutcome => ({
    exitCode,
    task,
    stdout: logs.stdout.summary,
    stderr: logs.stderr.summary,
  });
  if (ending.error !== undefined) {
    const { exitCode, message } = cannotStart(words[0], ending.error);
    throw new CommandFailed(result(exitCode), message);
  }
  const signal = ending.signal ?? signalBehind(ending.code) ?? ending.stopped;
  if (signal !== undefined) {
    const how = `was ended by ${signal}`;
    throw new NoResult(
      how,
      new CliError(exitCodeOfSignal(signal), `${printable(id)} ${how}; there is no result`),
    );
  }
  if (ending.code !== 0) throw new CommandFailed(result(ending.code));
  return result(0);
}

interface Logs {
  readonly stdout: LogFile;
  readonly stderr: LogFile;
}

async function run(
  { words, store, output, stop }: Execution,
  context: CommandContext,
  logs: Logs,
): Promise<Ending & { readonly stopped?: NodeJS.Signals | undefined }> {
  const child = startCommand(words, output, context);
  if ('error' in child) return { code: 0, signal: undefined, error: child.error };
  note(child, store, context);
  pump(child.stdout, logs.stdout, output === 'shown' ? 1 : undefined);
  pump(child.stderr, logs.stderr, output === 'shown' ? 2 : undefined);
  const stopping = stopOnAbort(child, AbortSignal.any([stop, context.signal]));
  const ending = await endOf(child);
  stopping.over();
  return { ...ending, stopped: stopping.begun };
}

function startCommand(
  words: Execution['words'],
  output: Execution['output'],
  { lock }: CommandContext,
): ChildProcess | { readonly error: unknown } {
  const input = output === 'shown' && !isatty(0) ? 'inherit' : 'ignore';
  const stdio: ('inherit' | 'ignore' | 'pipe' | number)[] = [input, 'pipe', 'pipe'];
  const { descriptor } = lock;
  const isCarried = descriptor !== undefined;
  if (isCarried) {
    while (stdio.length < descriptor) stdio.push('ignore');
    stdio[descriptor] = descriptor;
  }
  const env = { ...process.env, ...heldVariable([lock.path]) };
  try {
    const exact = exactWords(words);
    const [file, ...args] = exact;
    const options = { stdio, env, detached: true } as const;
    if (isCarried) return spawn(file, args, options);
    return startOnRecord(exact, options, (child) => lock.recordChild(child));
  } catch (error) {
    if (error instanceof HoldfastError) throw new NoResult('could not be put on record', error);
    return { error }; // some failures are thrown, others emitted
  }
}

/** Says which process does the work, for those who look, and who may have to stop it. */
function note(child: ChildProcess, store: Store, { lock, current }: CommandContext): void {
  const { pid } = child;
  if (pid === undefined || current.task === undefined) return;
  const identity = identityOf(pid);
  if (lock.descriptor !== undefined) lock.recordChild(identity);
  try {
    store.note({ ...current, task: { ...current.task, child: identity } });
  } catch {
    // A full disk: the run then says who runs it, but not as which process.
  }
}

function pump(stream: Readable | null, log: LogFile, shownOn: 1 | 2 | undefined): void {
  stream?.on('data', (chunk: Buffer) => {
    log.write(chunk);
    if (shownOn !== undefined) write(shownOn, chunk);
  });
}

interface Ending {
  readonly code: number;
  readonly signal: NodeJS.Signals | undefined;
  readonly error?: unknown;
}

/** Resolves when the command has ended and said everything, or nobody can tell whether there is more to come. */
function endOf(child: ChildProcess): Promise<Ending> {
  return new Promise((resolve) => {
    child.on('error', (error) => {
      if (child.pid === undefined) resolve({ code: 0, signal: undefined, error });
    });
    child.on('exit', (code, signal) => {
      const end = () => {
        child.stdout?.destroy();
        child.stderr?.destroy();
        resolve({ code: code ?? exitCodes.failure, signal: signal ?? undefined });
      };
      // A process that the command left behind may keep its output open for as long as it likes.
      const timer = setTimeout(end, LAST_WORDS);
      child.on('close', () => {
        clearTimeout(timer);
        end();
      });
    });
  });
}

/** A shell tells in its exit code that its command was ended by one of the signals that are sent to end things. */
function signalBehind(code: number): NodeJS.Signals | undefined {
  const names = ['SIGHUP', 'SIGINT', 'SIGKILL', 'SIGTERM'] as const;
  return names.find((name) => code === exitCodes.signalBase + constants.signals[name]);
}

/** As env(1) and timeout(1) tell it. */
function cannotStart(file: string, error: unknown): { exitCode: number; message: string } {
  const code = systemCode(error);
  if (code === 'ENOENT') return { exitCode: exitCodes.notFound, message: `${file}: command not found` };
  const why = code === 'EACCES' ? 'not executable' : `cannot be executed (${code ?? String(error)})`;
  return { exitCode: exitCodes.notExecutable, message: `${file}: ${why}` };
}
