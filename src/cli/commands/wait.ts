import type { Command } from 'commander';
import { duration, printable } from '../../errors/describe.ts';
import { after } from '../../lock/deadline.ts';
import { environmentOptions } from '../../lock/environment.ts';
import type { LockManager } from '../../lock/manager.ts';
import type { LockInfo } from '../../lock/query.ts';
import { CliError } from '../cli-error.ts';
import { exitCodes } from '../exit-codes.ts';
import { fileOption, nameOption, timeoutOption, withGlobalOptions } from '../options.ts';
import { printJson } from '../output/json.ts';
import { print } from '../output/text.ts';
import { WaitingNotice } from '../output/waiting.ts';
import { cliNameOfWord, type NamingOptions, openManager, targetOfWord } from '../settings.ts';
import { describe } from './who.ts';

interface WaitOptions extends NamingOptions {
  readonly any?: true;
  readonly timeout?: number;
}

export function defineWait(program: Command): void {
  withGlobalOptions(program.command('wait'))
    .usage('[options] NAME…')
    .summary('wait until locks are free')
    .description('Wait until each lock was seen to be free, without taking any.')
    .argument('<names...>', 'the locks')
    .addOption(nameOption())
    .addOption(fileOption())
    .option('--any', 'wait until any of them is free, and print which')
    .addOption(timeoutOption('exit with 124 when it takes longer (default: wait without limit)'))
    .action((names: string[], _options: WaitOptions, command: Command) => {
      const { timeout } = environmentOptions();
      const fallback = timeout === undefined ? {} : { timeout };
      return wait(names, { ...fallback, ...command.optsWithGlobals<WaitOptions>() });
    });
}

async function wait(names: readonly string[], options: WaitOptions): Promise<void> {
  const watch = new Watch(names, options);
  const notice = new WaitingNotice(options);
  let held = watch.look();
  if (held.length > 0 && options.timeout !== 0) {
    for (const { info } of held) notice.begin(info);
    held = await watch.untilOver();
    notice.end();
  }
  if (held.length > 0) throw tooLong(held, options);
  const { free } = watch;
  if (options.json === true) printJson({ free });
  else if (options.any === true) print(free.map(printable).join('\n'));
}

/** A lock that was not seen to be free yet. */
interface Held {
  readonly name: string;
  readonly info: LockInfo;
}

/** Which of the locks were seen to be free: at a first look, while they are watched, or at a last look. */
class Watch {
  readonly #names: readonly string[];
  readonly #options: WaitOptions;
  readonly #manager: LockManager;
  readonly #free = new Set<string>();

  constructor(names: readonly string[], options: WaitOptions) {
    this.#names = names;
    this.#options = options;
    this.#manager = openManager(options);
  }

  /** In the order asked for; with `--any`, the first of them. */
  get free(): string[] {
    const free = this.#names.filter((name) => this.#free.has(name));
    return this.#options.any === true ? free.slice(0, 1) : free;
  }

  /** Those that stand in the way; none when the wait is over. */
  look(): Held[] {
    const left = this.#names.filter((name) => !this.#free.has(name));
    const looks = left.map((name) => ({
      name,
      info: this.#manager.inspect(targetOfWord(name, this.#options)),
    }));
    for (const { name, info } of looks) if (info.state === 'free') this.#free.add(name);
    if (this.#options.any === true && this.#free.size > 0) return [];
    return looks.filter(({ info }) => info.state !== 'free');
  }

  /** The same after a wait, which ends when its time is up at the latest: a last look decides then. */
  async untilOver(): Promise<Held[]> {
    const { any, timeout } = this.#options;
    const stop = new AbortController();
    const isOver = () => stop.abort(TIME_IS_UP);
    const callOff = after(timeout ?? Number.POSITIVE_INFINITY, isOver, 'alive');
    const each = this.#names.map(async (name) => {
      if (this.#free.has(name)) return;
      await this.#manager.untilFree(targetOfWord(name, this.#options), { signal: stop.signal });
      this.#free.add(name);
    });
    try {
      await (any === true ? Promise.race(each) : Promise.all(each));
      return [];
    } catch (error) {
      if (error !== TIME_IS_UP) throw error;
      return this.look();
    } finally {
      callOff();
      stop.abort();
      await Promise.allSettled(each);
    }
  }
}

const TIME_IS_UP = Symbol('time is up');

/** The error is about the first of those that are held; `locks` has them all. */
function tooLong(held: readonly Held[], options: WaitOptions): CliError {
  const { timeout: waited = 0 } = options;
  const lines = held.map(({ name, info }) => describe(info, cliNameOfWord(name, options)));
  const locks = held.map(({ info: { resource, path, holders } }) => ({ resource, path, holders }));
  const message = `${lines.join('; ')}; waited ${duration(waited)}`;
  return new CliError(exitCodes.timeout, 'HOLDFAST_TIMEOUT', message, { ...locks[0], waited, locks });
}
