import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { isatty } from 'node:tty';
import { identityOf } from '../../command/on-record/index.ts';
import { exitCodeOfSignal } from '../../command/signals/exit-code.ts';
import type { Interruption } from '../../command/signals/interruption.ts';
import { ProcessGroup } from '../../command/signals/process-group.ts';
import { type Ending, NotStarted, whenEnded } from '../../command/start.ts';
import { startUnder } from '../../command/under.ts';
import { systemCode } from '../../errors/base.ts';
import { printable } from '../../errors/describe.ts';
import { NoResultError } from '../../errors/once-errors.ts';
import { makeDirectory } from '../../storage/directory.ts';
import { clearTimeout, setImmediate, setTimeout } from '../../time/time.ts';
import { adviceOnRecords } from '../access.ts';
import { type CommandContext, NoResult } from '../job.ts';
import { stopperOf } from '../stop.ts';
import type { Store } from '../store.ts';
import { keepLogging } from './keep.ts';
import { LogFile } from './log-file.ts';
import { CommandFailed, type CommandOutcome } from './outcome.ts';
import { type Outputs, openOutputs, Pump } from './outputs.ts';
import { ReaderGone, type Sink, type StreamName } from './sink.ts';

export interface Execution {
  readonly id: string;
  readonly words: readonly [string, ...string[]];
  readonly store: Store;
  /** Where its output goes beside the logs. */
  readonly sink?: Sink | undefined;
  /** `own`: the input of this process, unless that is a terminal. */
  readonly input: 'own' | 'none';
  /** Who has signals passed on to the command. */
  readonly interruption: Pick<Interruption, 'passTo'>;
  /** Whether somebody else waits for the outcome. */
  readonly isAwaited: () => boolean;
  /** How long the command has to end when it is to stop. Milliseconds. */
  readonly grace: number;
}

/**
 * How long the outputs of a command that has ended may be silent, while others have them open, until the run is over; and how
 * often they may say something meanwhile. Milliseconds.
 */
const LAST_WORDS = 2_000;
const MOST_WORDS = 5;

/**
 * Runs a command under the lock, in a session and process group of its own, and logs what it says.
 *
 * The command gets the lock too: should this process be killed, the lock stays held until the command ends, so that
 * there are never two of them. A lock that no descriptor carries gets there by its record.
 *
 * @throws {CommandFailed} @throws {NoResult} it was ended by a signal, or `context.signal` stopped it.
 */
export async function execute(execution: Execution, context: CommandContext): Promise<CommandOutcome> {
  const { id, store } = execution;
  const logs = openLogs(id, store.runDirectory(context.current));
  const ending = await run(execution, context, logs);
  const task = context.current.task;
  if (task === undefined) throw new TypeError('a command without a task');
  const result = (exitCode: number): CommandOutcome => ({
    exitCode,
    task,
    stdout: logs.stdout.summary,
    stderr: logs.stderr.summary,
  });
  if ('error' in ending && ending.error.why === 'exhausted') {
    throw notStarted(id, ending.error.message);
  }
  if ('error' in ending) {
    throw new CommandFailed(result(ending.error.exitCode), ending.error.message);
  }
  const code = ending.signal === undefined ? ending.code : exitCodeOfSignal(ending.signal);
  const signal = ending.stopped ?? NO_RESULT.find((name) => code === exitCodeOfSignal(name));
  if (signal !== undefined) {
    const how = signal === 'SIGPIPE' ? READER_LEFT : `was ended by ${signal}`;
    throw new NoResult(how, new NoResultError(id, `${how}; there is no result`, { signal }));
  }
  if (ending.signal !== undefined) {
    throw new CommandFailed({ ...result(code), signal: ending.signal }, `died of ${ending.signal}`);
  }
  if (code !== 0) throw new CommandFailed(result(code));
  return result(0);
}

/** That a command was not started, for nothing that it did itself, is no outcome of it. */
function notStarted(id: string, why: string, how = 'could not be started'): NoResult {
  return new NoResult(how, new NoResultError(id, `has no result: ${why}`, {}));
}

/** @throws {NoResult} a log cannot be made. */
function openLogs(id: string, directory: string): Logs {
  try {
    makeDirectory(directory, 'owner');
    const [stdout, stderr] = ['stdout', 'stderr'].map((name) => join(directory, name)) as [string, string];
    return { directory, stdout: new LogFile(stdout), stderr: new LogFile(stderr) };
  } catch (error) {
    const code = systemCode(error);
    if (code === undefined) throw error;
    const advice = adviceOnRecords(directory, code, error);
    const why = `its logs in ${printable(directory)} cannot be made: ${code}. ${advice}`;
    throw notStarted(id, why, `could not be started: its logs cannot be made: ${code}`);
  }
}

/**
 * By these, somebody ends a command from outside. Of any other signal it dies by what it did itself, and would again. A
 * shell tells in its exit code of a signal that ended its command.
 */
const NO_RESULT = ['SIGHUP', 'SIGINT', 'SIGKILL', 'SIGTERM'] as const;

const READER_LEFT = 'was ended when nobody read its output any more';

interface Logs {
  readonly directory: string;
  readonly stdout: LogFile;
  readonly stderr: LogFile;
}

async function run(
  execution: Execution,
  context: CommandContext,
  logs: Logs,
): Promise<Ending & { readonly stopped?: NodeJS.Signals | undefined }> {
  const { store, sink, interruption } = execution;
  const started = start(execution, context);
  if ('error' in started) {
    close(logs);
    return started;
  }
  const { child, outputs } = started;
  note(child, store, context);
  const group = new ProcessGroup(child, () => stopperOf(store, context.current)?.grace ?? execution.grace);
  const goesOn = () => group.begun !== undefined || execution.isAwaited();
  const reader = sink === undefined ? undefined : new Reader(sink, goesOn, () => group.take('SIGTERM'));
  const pumps = (['stdout', 'stderr'] as const).map(
    (name) => new Pump(outputs[name], logs[name], reader && ((chunk) => reader.give(chunk, name))),
  );
  interruption.passTo((signal) => group.take(signal));
  const stopListening = group.stopAt(context.signal);
  const ending = await endOf(child, group, pumps);
  stopListening();
  letGo(outputs, pumps, logs);
  return { ...ending, stopped: reader?.hasEnded === true ? 'SIGPIPE' : group.begun };
}

/** What others write to the outputs from now on is logged by another process. */
function letGo(outputs: Outputs, pumps: readonly Pump[], logs: Logs): void {
  const open = Object.values(outputs).filter((stream) => !stream.destroyed);
  for (const stream of open) stream.pause();
  for (const pump of pumps) pump.logRest();
  close(logs);
  if (open.length > 0) keepLogging(outputs, logs.directory);
  for (const stream of open) stream.destroy();
}

function close({ stdout, stderr }: Logs): void {
  stdout.close();
  stderr.close();
}

function start(
  { words, input }: Execution,
  { lock }: CommandContext,
): { readonly child: ChildProcess; readonly outputs: Outputs } | { readonly error: NotStarted } {
  const stdin = input === 'own' && !isatty(0) ? 'inherit' : 'ignore';
  const ends = openOutputs();
  try {
    const { process: child } = startUnder([lock], {
      words,
      env: process.env,
      stdio: [stdin, ...ends.forCommand],
      descriptors: [],
      detached: true,
    });
    return { child, outputs: ends.of(child) };
  } catch (error) {
    if (error instanceof NotStarted) return { error };
    throw new NoResult('could not be put on record', error);
  } finally {
    ends.close();
  }
}

/** Says which process does the work, for those who look, and who may have to stop it. */
function note({ pid }: ChildProcess, store: Store, { current }: CommandContext): void {
  if (pid === undefined || current.task === undefined) return;
  try {
    store.note({ ...current, task: { ...current.task, child: identityOf(pid) } });
  } catch {
    // A full disk: the run then says who runs it, but not as which process.
  }
}

/**
 * The reader of the process that runs the command. One that leaves ends the run, as it ends any program that writes to
 * a pipe, unless somebody else waits for the outcome by then, or when the next of the output comes; or the run is to end
 * already. A terminal that hangs up ends it by the signal that it sends, or not at all: the other stream may go elsewhere.
 */
class Reader {
  readonly #sink: Sink;
  readonly #onLeft: () => void;
  /** Whether the run goes on without its reader, for now. */
  readonly #goesOn: () => boolean;
  #isGone = false;
  readonly #hungUp = new Set<StreamName>();
  #hasEnded = false;

  constructor(sink: Sink, goesOn: () => boolean, onLeft: () => void) {
    this.#sink = sink;
    this.#goesOn = goesOn;
    this.#onLeft = onLeft;
  }

  /** It has left, and the run ends for that. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Never rejects. */
  async give(chunk: Buffer, stream: StreamName): Promise<void> {
    if (this.#hungUp.has(stream)) return;
    if (this.#isGone) return this.#end();
    try {
      await this.#sink(chunk, stream);
    } catch (error) {
      if (error instanceof ReaderGone && error.signal === 'SIGHUP') {
        this.#hungUp.add(stream);
        return;
      }
      this.#isGone = true;
      this.#end();
    }
  }

  #end(): void {
    if (this.#hasEnded || this.#goesOn()) return;
    this.#hasEnded = true;
    this.#onLeft();
  }
}

/** Resolves when the command has ended, its group too if it was stopped, and has said everything as far as can be told. */
function endOf(child: ChildProcess, group: ProcessGroup, pumps: readonly Pump[]): Promise<Ending> {
  return new Promise((resolve) => {
    whenEnded(child, async (ending) => {
      if (!('error' in ending)) {
        await group.gone();
        await lastWords(pumps, group.begun !== undefined);
      }
      resolve(ending);
    });
  });
}

/**
 * Resolves when the outputs are closed and the sink has taken all of them, or when they have been silent for some time: a
 * process that the command left behind may have them open for as long as it likes. What the command itself has written is
 * given whole, unless it was stopped and the sink takes nothing.
 */
function lastWords(pumps: readonly Pump[], isStopped: boolean): Promise<void> {
  return new Promise((resolve) => {
    let timer: NodeJS.Timeout;
    let looks = 0;
    const look = () => {
      const isSilent = pumps.map((pump) => pump.wasSilent()).every(Boolean);
      const isGiving = !isStopped && pumps.some(({ isWaiting }) => isWaiting);
      const isLate = ++looks >= MOST_WORDS;
      if (isGiving ? !isLate || pumps.some(({ owes }) => owes) : !isSilent && !isLate) arm();
      else if (isStopped) resolve();
      else void Promise.all(pumps.map((pump) => pump.finish())).then(() => resolve());
    };
    // What came while this process was stopped is read after the timer fires, and before the look.
    const arm = () => {
      timer = setTimeout(() => setImmediate(look), LAST_WORDS);
    };
    for (const pump of pumps) pump.commandEnded();
    arm();
    void Promise.all(pumps.map((pump) => pump.over)).then(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
