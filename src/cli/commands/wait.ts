import type { Command } from 'commander';
import { duration, printable } from '../../errors/describe.ts';
import { environmentOptions } from '../../lock/environment.ts';
import type { LockManager } from '../../lock/manager.ts';
import { exitCodes } from '../exit-codes.ts';
import { nameOption, timeoutOption, withGlobalOptions } from '../options.ts';
import { printJson } from '../output/json.ts';
import { print } from '../output/text.ts';
import { WaitingNotice } from '../output/waiting.ts';
import { CliError } from '../report.ts';
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
    .option('--any', 'until one of them is free, and print which')
    .addOption(timeoutOption('exit with 124 when it takes longer (default: wait without limit)'))
    .action((names: string[], _options: WaitOptions, command: Command) => {
      const { timeout } = environmentOptions();
      const fallback = timeout === undefined ? {} : { timeout };
      return wait(names, { ...fallback, ...command.optsWithGlobals<WaitOptions>() });
    });
}

async function wait(names: readonly string[], options: WaitOptions): Promise<void> {
  const manager = openManager(options);
  const watched = names.map((name) => ({ name, info: manager.inspect(targetOfWord(name, options)) }));
  const isFree = ({ info }: (typeof watched)[number]) => info.state === 'free';
  const quick = options.any === true ? watched.some(isFree) : watched.every(isFree);
  const notice = new WaitingNotice(options);
  if (!quick && options.timeout !== 0)
    for (const { info } of watched) if (info.state !== 'free') notice.begin(info);
  const free = await untilFree(names, manager, options);
  notice.end();
  if (free === undefined) throw new CliError(exitCodes.timeout, tooLong(names, manager, options));
  if (options.json === true) printJson({ free });
  else if (options.any === true) print(free.map(printable).join('\n'));
}

/** The names seen to be free, in the order asked for; undefined when the time is up. */
async function untilFree(
  names: readonly string[],
  manager: LockManager,
  options: WaitOptions,
): Promise<string[] | undefined> {
  const { any, timeout } = options;
  const stop = new AbortController();
  const timer = timeout === undefined ? undefined : setTimeout(() => stop.abort(TIME_IS_UP), timeout);
  const each = names.map(async (name) => {
    await manager.untilFree(targetOfWord(name, options), { signal: stop.signal });
    return name;
  });
  try {
    return any === true ? [await Promise.race(each)] : await Promise.all(each);
  } catch (error) {
    if (error === TIME_IS_UP) return undefined;
    throw error;
  } finally {
    clearTimeout(timer);
    stop.abort();
    await Promise.allSettled(each);
  }
}

const TIME_IS_UP = Symbol('time is up');

function tooLong(names: readonly string[], manager: LockManager, options: WaitOptions): string {
  const held = names
    .map((name) => ({ name, info: manager.inspect(targetOfWord(name, options)) }))
    .filter(({ info }) => info.state !== 'free')
    .map(({ name, info }) => describe(info, cliNameOfWord(name, options)));
  return `${held.join('; ') || 'not free'}; waited ${duration(options.timeout ?? 0)}`;
}
