import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Audience, Canary } from '../../src/command/signals/canary.ts';
import { processFacts } from '../../src/identity/index.ts';
import { fixture } from '../support/child.ts';
import { within } from '../support/deadline.ts';
import { tempDirectory } from '../support/temp.ts';
import { until, untilStopped } from '../support/until.ts';

/**
 * A canary whose `cat` stops before each echo. So a test says in which order the steps of the trace at `Canary` happen:
 * the handler's are calls here, and signals reach the canary as real ones.
 */
class Slow {
  readonly #cat: string;
  readonly #ask: (signal: NodeJS.Signals) => Promise<Audience>;

  private constructor(cat: string, ask: (signal: NodeJS.Signals) => Promise<Audience>) {
    this.#cat = cat;
    this.#ask = ask;
  }

  static start(): Slow {
    const bin = join(tempDirectory(), 'bin');
    mkdirSync(bin);
    symlinkSync(fixture('slow-cat.py'), join(bin, 'cat'));
    const canary = new Canary(() => {}, join(bin, 'cat'));
    const slow = new Slow(join(bin, 'cat'), (signal) => canary.audienceOf(signal));
    onTestFinished(() => slow.#end());
    return slow;
  }

  /** Every byte that was read, with the process that did. */
  get #read(): string[] {
    const journal = `${this.#cat}.journal`;
    return existsSync(journal) ? readFileSync(journal, 'utf8').split('\n').filter(Boolean) : [];
  }

  /** The process that read last. */
  get pid(): number {
    return Number.parseInt(this.#read.at(-1) ?? '', 10);
  }

  /** The latest canary has read these bytes, and stands still before it echoes the last; its process id. */
  async hasRead(bytes: string): Promise<number> {
    const ofLatest = () => this.#read.filter((line) => line.startsWith(`${this.pid} `));
    const isRead = () =>
      ofLatest()
        .map((line) => line.slice(-1))
        .join('') === bytes;
    await until(isRead, `the canary has read ${bytes}`);
    await untilStopped(this.pid);
    return this.pid;
  }

  /** What the signal handler does: asks who got this signal. */
  ask(signal: NodeJS.Signals): Promise<Audience> {
    return within(this.#ask(signal), `waiting for the audience of ${signal}`);
  }

  goOn(): void {
    if (processFacts.isStopped(this.pid) === true) process.kill(this.pid, 'SIGCONT');
  }

  /** The answer, for which the canary may go on as often as it likes. */
  async answerTo(signal: NodeJS.Signals): Promise<Audience> {
    let answer: Audience | undefined;
    const asked = this.ask(signal).then((audience) => {
      answer = audience;
    });
    await until(() => {
      this.goOn();
      return answer !== undefined;
    }, `an answer about ${signal}`);
    await asked;
    return answer as Audience;
  }

  /** The canary is at work, and that is known; what it has read for that. */
  async greets(): Promise<string> {
    let read = '!?';
    for (; (await this.answerTo('SIGUSR2')) !== 'alone'; read += '?');
    return read;
  }

  /** The canary ends by itself, so that none comes after it. */
  async #end(): Promise<void> {
    writeFileSync(`${this.#cat}.over`, '');
    await this.answerTo('SIGUSR2');
  }
}

describe('the canary', () => {
  it('that echoes after its greeting got no signal: this process got it alone [A5, H25]', async () => {
    const canary = Slow.start();
    await canary.greets();

    expect(await canary.answerTo('SIGTERM')).toBe('alone');
  });

  it('proves nothing by its echo while the signal may be older than it is [A5, H25]', async () => {
    const canary = Slow.start();
    await canary.hasRead('!');

    expect(await canary.answerTo('SIGTERM')).toBe('unknown');
  });

  it('that dies of a signal tells that the group got this one, and nothing of another that came before [A5, H25, X59]', async () => {
    const canary = Slow.start();
    const read = await canary.greets();
    const before = canary.ask('SIGUSR1');
    const group = canary.ask('SIGTERM');

    const pid = await canary.hasRead(`${read}?`);
    process.kill(pid, 'SIGTERM');
    canary.goOn();

    expect([await before, await group]).toEqual(['unknown', 'group']);
  });

  it('answers no question by its greeting: dead of the signal behind it, it tells of the group [A5, H25]', async () => {
    const canary = Slow.start();
    await canary.hasRead('!');
    const asked = canary.ask('SIGTERM'); // the kernel goes on to mark the rest of the group
    canary.goOn();

    const pid = await canary.hasRead('!?');
    process.kill(pid, 'SIGTERM');
    canary.goOn();

    expect(await asked).toBe('group');
  });

  it('whose death is told before the signal itself is remembered by its successor [A5, H25]', async () => {
    const canary = Slow.start();
    await canary.greets();

    process.kill(canary.pid, 'SIGTERM');
    await canary.hasRead('!');

    expect(await canary.answerTo('SIGTERM')).toBe('group');
  });

  it('has a successor, which knows a later signal to this process alone for what it is [A5, H25, X59]', async () => {
    const canary = Slow.start();
    await canary.greets();

    process.kill(canary.pid, 'SIGTERM');
    await canary.hasRead('!');
    await canary.greets();

    expect(await canary.answerTo('SIGTERM')).toBe('alone');
  });

  it('remembers the death of the one before it until the signals of the same poll are told, which come after its echo [A5, H25]', async () => {
    const heard: Promise<Audience>[] = [];
    const hear = () => void heard.push(canary.audienceOf('SIGUSR2'));
    let next = () => {};
    const silent = spawn('/bin/cat', { stdio: ['pipe', 'pipe', 'ignore'] });
    const atStart = writtenBy(silent.pid as number); // a byte to Node.js, before it becomes `cat`
    silent.stdin.end();
    const canary = new Canary(() => process.nextTick(() => next()));
    process.on('SIGUSR2', hear);
    onTestFinished(() => void process.off('SIGUSR2', hear));
    while ((await canary.audienceOf('SIGUSR2')) !== 'alone');

    next = () => {
      next = () => {};
      process.kill(process.pid, 'SIGUSR2'); // as if a thread had held it back until now
      const greeting = catOf(process.pid);
      while (writtenBy(greeting) === atStart); // it has not echoed yet
    };
    process.kill(catOf(process.pid), 'SIGUSR2');
    await until(() => heard.length > 0, 'the signal is told');
    expect(await heard[0]).toBe('group');
    while ((await canary.audienceOf('SIGUSR2')) !== 'alone');
  });
});

/** How many bytes a process has written. */
function writtenBy(pid: number): number {
  return Number(/^wchar: (\d+)/m.exec(readFileSync(`/proc/${pid}/io`, 'latin1'))?.[1]);
}

/** The youngest child that is the system's `cat`. */
function catOf(parent: number): number {
  const children = readFileSync(`/proc/${parent}/task/${parent}/children`, 'latin1')
    .trim()
    .split(' ')
    .map(Number);
  const isCat = (pid: number) => readFileSync(`/proc/${pid}/comm`, 'latin1') === 'cat\n';
  return children.findLast(isCat) ?? 0;
}
