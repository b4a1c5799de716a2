import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { processFacts } from '../../src/identity/index.ts';
import { read, table } from '../documents.ts';
import { type Child, fixture } from '../support/child.ts';
import { within } from '../support/deadline.ts';
import { until } from '../support/until.ts';
import { type Line, MODES, type Mode, Modes, type Status } from './modes.ts';
import { isAlive } from './task.ts';
import { CTRL_C, CTRL_Z, interactive, SHELLS, scriptOnTerminal } from './terminal.ts';

/*
 * The table of docs/ends.md, cell by cell: each test does what the first cell of its row says, and puts what it sees in the
 * words of the table. `HOLDFAST_ENDS_SWEEP=all` tries every exit code and every signal in every mode.
 */

const COLUMNS: Readonly<Record<Mode, number>> = {
  run: 1,
  guard: 1,
  wrapper: 1,
  once: 2,
  detached: 3,
  followed: 4,
  watched: 5,
};
const ROWS = table(read('docs/ends.md'), 'The table');

function cell(row: string, mode: Mode): string | undefined {
  return ROWS.find(([what]) => what === row)?.[COLUMNS[mode]];
}

const isSweep = process.env.HOLDFAST_ENDS_SWEEP === 'all';
const AS_A_SIGNAL = [129, 130, 143];
const CODES = isSweep
  ? Array.from({ length: 256 }, (_, code) => code)
  : [0, 1, 2, 124, 125, 126, 127, 128, ...AS_A_SIGNAL, 137, 255];
const { SIGINT, SIGTERM, SIGHUP, SIGKILL, SIGQUIT, SIGUSR1, SIGUSR2, SIGPIPE, ...others } = constants.signals;
/** They stop, or mean nothing to who does not handle them. */
const NO_END = ['SIGSTOP', 'SIGTSTP', 'SIGTTIN', 'SIGTTOU', 'SIGCONT', 'SIGCHLD', 'SIGWINCH', 'SIGURG'];
const OTHERS = Object.entries(others).flatMap(([name, n]) => (NO_END.includes(name) ? [] : [n]));

/** Ends of a command, by row: what n stands for, and what the command does. */
const ENDS: Readonly<Record<string, readonly number[]>> = {
  'the command exits with n': CODES.filter((code) => ![...AS_A_SIGNAL, 137].includes(code)),
  'it exits with 129, 130 or 143': AS_A_SIGNAL,
  'it exits with 137': [137],
  'it dies of INT, TERM or HUP': [SIGINT, SIGTERM, SIGHUP],
  'it dies of KILL': [SIGKILL],
  'it dies of QUIT, USR1, USR2 or PIPE': [SIGQUIT, SIGUSR1, SIGUSR2, SIGPIPE],
  'it dies of another signal': isSweep
    ? [...new Set(OTHERS)]
    : [constants.signals.SIGSEGV, constants.signals.SIGALRM],
  'it leaves a process behind': [3],
  'its input is closed': [3],
  'its output is closed': [3],
};

interface Trial {
  readonly row: string;
  readonly n: number;
  readonly id: string;
}

const TRIALS: readonly Trial[] = Object.entries(ENDS).flatMap(([row, all], at) =>
  all.map((n) => ({ row, n, id: `row${at}-${n}` })),
);

const left = (modes: Modes, { id }: Trial) => join(modes.cli.home, `left-${id}`);

function linesOf(modes: Modes, mode: Mode, trial: Trial): Line[] {
  const { row, n, id } = trial;
  const lines = (script: string) => modes.toTheEnd(mode, id, ['sh', '-c', script]);
  const redirected = (how: string, [first = [], ...more]: Line[]) => [
    ['sh', '-c', `exec "$@" ${how}`, 'sh', ...first],
    ...more,
  ];
  if (row === 'it leaves a process behind')
    return lines(`sleep 1000 & echo $! > ${left(modes, trial)}; exit ${n}`);
  if (row === 'its input is closed') return redirected('<&-', lines(`cat; exit ${n}`));
  if (row === 'its output is closed') return redirected('>&-', lines(`echo out && exit ${n}`));
  return lines(row.includes('dies') ? `ulimit -c 0; kill -${n} $$` : `exit ${n}`);
}

function inWords({ row, n }: Trial, status: Status): string {
  const isDeath = row.includes('dies');
  if (status === (isDeath ? 128 + n : n)) return isDeath ? '128 + n' : 'n';
  if (status === (isDeath ? -n : 128 - n)) return 'the signal';
  return String(status);
}

function inCell(...facts: readonly (string | undefined)[]): string {
  return facts.filter((fact) => fact !== undefined).join(', ');
}

describe.each(MODES)('%s', (mode) => {
  it('ends as the table says of every end of its command [X37, X40, X45]', {
    timeout: 1_800_000,
  }, async () => {
    const modes = await Modes.make(mode);
    const statuses = await modes.statuses(TRIALS.map((trial) => linesOf(modes, mode, trial)));
    const outcomes = await modes.outcomes();
    const seen: Record<string, string[]> = {};
    for (const [at, trial] of TRIALS.entries()) {
      const said = inCell(inWords(trial, statuses[at] as Status), outcomes.get(trial.id));
      seen[trial.row] = [...new Set([...(seen[trial.row] ?? []), said])];
    }
    expect(seen).toEqual(Object.fromEntries(Object.keys(ENDS).map((row) => [row, [cell(row, mode)]])));
    const behind = TRIALS.filter(({ row }) => row === 'it leaves a process behind').map((trial) =>
      Number(readFileSync(left(modes, trial), 'utf8')),
    );
    expect(behind.map(isAlive)).toEqual([true]);
    for (const pid of behind) process.kill(pid, 'SIGKILL');
  });
});

const IN_FRONT: readonly Mode[] = ['run', 'guard', 'wrapper'];

/** A command at work, run in one way, until it is told to end; then it exits with 3. */
class Job {
  readonly modes: Modes;
  readonly mode: Mode;
  readonly #over: string;
  readonly #pid: string;
  readonly #steps: string;

  private constructor(modes: Modes, mode: Mode) {
    this.modes = modes;
    this.mode = mode;
    this.#over = join(modes.cli.home, 'over');
    this.#pid = join(modes.cli.home, 'pid');
    this.#steps = join(modes.cli.home, 'steps');
    writeFileSync(this.#steps, ''); // a Ctrl-Z may come before its first step is over
    onTestFinished(async () => {
      this.end();
      await modes.cli.run(['once', 'clean', '--all', '--stop']);
    });
  }

  static async of(mode: Mode): Promise<Job> {
    return new Job(await Modes.make(mode), mode);
  }

  /** What starts it, or follows it once it is started. `each`: what it does over and over. */
  async line(each = 'echo "li""ne"'): Promise<Line> {
    const work = `until test -e ${this.#over}; do ${each}; echo >> ${this.#steps}; sleep 0.02; done`;
    // bash forgets a Ctrl-C at which its child just exits by itself; a trap it runs in any case.
    const script = `trap "trap - INT; kill -INT $$" INT; echo $$ > ${this.#pid}; ${work}; exit 3`;
    const start = this.modes.start(this.mode, 'job', ['bash', '-c', script]); // dash, in a vfork, may not stop at Ctrl-Z
    if (this.mode !== 'watched') return start;
    const [program = '', ...args] = start;
    await this.modes.cli.program(program, args).finish();
    return this.modes.watch('job');
  }

  end(): void {
    writeFileSync(this.#over, '');
  }

  /** The process id of the command, once it works. */
  async begun(): Promise<number> {
    const isThere = () => existsSync(this.#pid) && /\n/.test(readFileSync(this.#pid, 'utf8'));
    await until(isThere, 'the command works');
    return Number(readFileSync(this.#pid, 'utf8'));
  }

  /** How often the command has done its work. */
  get steps(): number {
    return readFileSync(this.#steps, 'utf8').length;
  }

  /**
   * Whether the command stops as well, now that its shell says so of holdfast. A stop reaches each process at its next
   * turn on a processor: whoever has got it may end a step, and begins no other.
   */
  async stops(pid: number): Promise<boolean> {
    const last = this.steps + 1;
    const isStopped = () => processFacts.isStopped(pid) === true;
    await until(() => isStopped() || this.steps > last, 'the command stops or goes on');
    return isStopped();
  }

  /** It is on record, for who outlives its runner. */
  async recorded(): Promise<void> {
    if (IN_FRONT.includes(this.mode)) return;
    const records = join(this.modes.cli.home, 'once');
    const isNoted = () =>
      readdirSync(records).some((name) =>
        readFileSync(join(records, name, 'current'), 'utf8').includes('"child"'),
      );
    await until(isNoted, 'the command is on record');
  }

  /** What has become of it: of the run, for `once`; else of the command. */
  async outcome(): Promise<string | undefined> {
    if (!IN_FRONT.includes(this.mode)) return (await this.modes.outcomes()).get('job');
    return isAlive(await this.begun()) ? 'goes on' : undefined;
  }

  async inCell(...facts: readonly (string | undefined)[]): Promise<string> {
    return inCell(...facts, await this.outcome());
  }
}

/** How a program ended that something happened to; nothing for one that had only started a run in the background. */
function ending(
  mode: Mode,
  n: number,
  { code, signal }: { code: number | null; signal: NodeJS.Signals | null },
) {
  if (mode === 'detached') return code === 0 ? undefined : `started with ${code}`;
  return signal !== null && constants.signals[signal] === n ? 'the signal' : String(code ?? signal);
}

describe.each(MODES)('%s, of what happens to it,', (mode) => {
  const expectCell = (row: string, seen: string) =>
    expect({ [row]: seen }).toEqual({ [row]: cell(row, mode) });

  it('says what the table says when the reader of its output leaves [X39]', async () => {
    const job = await Job.of(mode);
    const [program = '', ...args] = await job.line();
    const running = job.modes.cli.program(program, args, { stdio: ['ignore', 'pipe', 'ignore'] });
    await job.begun();
    running.process.stdout?.destroy();
    await within(running.exited, 'its end');
    const { exitCode, signalCode } = running.process;
    const ended = ending(mode, SIGPIPE, { code: exitCode, signal: signalCode });
    expectCell('the reader of the output leaves', await job.inCell(ended));
  });

  it.each(SHELLS)('says what the table says at a Ctrl-C, in a loop of %s [X37, X38]', async (shell) => {
    const job = await Job.of(mode);
    // dash starts a command by vfork(2): a Ctrl-C before the child's exec is lost to it. So the child says that it is there.
    const there = `sh -c 'echo "star""ted"; exec cat'`;
    const once = mode === 'detached' ? `"$@"; ${there}` : '"$@"';
    const script = `for i in 1 2; do test $i = 2 && echo again && exit 7; ${once}; done; echo after`;
    const running = scriptOnTerminal(job.modes.cli, shell, script, await job.line());
    await job.begun();
    if (mode === 'detached') await running.says(/started/);
    if (mode === 'followed' || mode === 'watched') await running.says(/line/);
    running.write(CTRL_C);
    const { stdout } = await running.exits();
    const ended = mode === 'detached' || /again|after/.test(stdout) ? undefined : 'the signal';
    expectCell('Ctrl-C', await job.inCell(ended));
  });

  it.each(SHELLS)('says what the table says at a Ctrl-Z and fg, in %s [X38]', async (shell) => {
    const job = await Job.of(mode);
    const line = await job.line();
    const typing = interactive(job.modes.cli, shell);
    typing.write(`${line.map((word) => `'${word}'`).join(' ')}\n`);
    const pid = await job.begun();
    expectCell('Ctrl-Z, then fg', await suspended(job, typing, pid));
  });

  it('says what the table says when its terminal hangs up [X37, X38]', async () => {
    const job = await Job.of(mode);
    const line = await job.line();
    const shell = mode === 'detached' ? ['sh', '-c', '"$@"; echo line; exec cat', 'sh'] : [];
    const running = job.modes.cli.program('python3', [fixture('cli-hangup.py'), ...shell, ...line]);
    await job.begun();
    const status = Number((await running.exits()).stdout);
    const ended = mode === 'detached' ? undefined : status === -SIGHUP ? 'the signal' : String(status);
    expectCell('the terminal hangs up', await job.inCell(ended));
  });

  it.each([
    ['TERM to holdfast alone', 'SIGTERM'],
    ['KILL to holdfast alone', 'SIGKILL'],
  ] as const)('says what the table says at a %s [X37, X38, H11]', async (row, signal) => {
    const job = await Job.of(mode);
    const [program = '', ...args] = await job.line(':'); // who writes to a runner that was killed dies of PIPE
    const running = job.modes.cli.program(program, args, { stdio: 'ignore' });
    const pid = await job.begun();
    await job.recorded();
    if (mode === 'detached') await endRunner(running, pid, signal);
    else running.signal(signal);
    await within(running.exited, 'its end');
    const { exitCode, signalCode } = running.process;
    const ended = ending(mode, constants.signals[signal], { code: exitCode, signal: signalCode });
    expectCell(row, await job.inCell(signal === 'SIGKILL' ? undefined : ended));
  });
});

/** What becomes of a job whose shell is told to stop it, and then to continue it. */
async function suspended(job: Job, shell: Child, pid: number): Promise<string> {
  if (job.mode === 'detached') {
    shell.write(`${CTRL_Z}echo "st""ill here"\n`);
    await shell.says(/still here/);
    return job.inCell();
  }
  await shell.says(/\bline\b/);
  shell.write(CTRL_Z);
  await shell.says(/Stopped/);
  const isWithIt = await job.stops(pid);
  const last = job.steps + 1;
  shell.write('fg\n');
  await until(() => job.steps > last, 'the command goes on');
  job.end();
  shell.write('echo "code is" $?\n');
  await shell.says(/code is 3/);
  return isWithIt ? 'both stop, both go on' : 'stops alone';
}

/** The process in the background is the parent of the command. */
async function endRunner(starter: Child, command: number, signal: NodeJS.Signals): Promise<void> {
  await within(starter.exited, 'the end of the starter');
  const runner = processFacts.parentOf(command) as number;
  process.kill(runner, signal);
  await until(() => !isAlive(runner), 'the runner ends');
}
