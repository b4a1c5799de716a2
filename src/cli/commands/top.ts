import type { Command } from 'commander';
import { InvalidArgumentError, Option } from 'commander';
import { printable } from '../../errors/describe.ts';
import { InputError, shown } from '../../errors/input-error.ts';
import { cliNameOf } from '../../lock/cli-name.ts';
import { after } from '../../lock/deadline.ts';
import type { LockManager } from '../../lock/manager.ts';
import type { Survey } from '../../lock/query.ts';
import { Date } from '../../time/time.ts';
import { parseDuration } from '../duration.ts';
import { lackOf, listLocks } from '../list-locks.ts';
import { checked, withGlobalOptions } from '../options.ts';
import { printJson } from '../output/json.ts';
import { lockTable } from '../output/lock-table.ts';
import { Screen } from '../output/screen.ts';
import { print } from '../output/text.ts';
import { type GlobalOptions, openManager } from '../settings.ts';
import { describe } from './who.ts';

interface TopOptions extends GlobalOptions {
  /** Milliseconds. */
  readonly interval: number;
  readonly count?: number;
}

const EVERY_SECOND = 1000;

export function defineTop(program: Command): void {
  withGlobalOptions(program.command('top'))
    .usage('[options]')
    .summary('watch the locks on names, and who waits for them')
    .description(
      'Watch the locks on names, and who waits for them. On a terminal the view is redrawn in place and ends with q; ' +
        'elsewhere it is printed again and again.',
    )
    .addOption(
      new Option('-i, --interval <duration>', 'how long between two looks')
        .default(EVERY_SECOND, '1s')
        .argParser((word) => checked(() => parseInterval(word))),
    )
    .addOption(new Option('-c, --count <n>', 'end after this many looks').argParser(parseCount))
    .action((_options: TopOptions, command: Command) => watch(command.optsWithGlobals<TopOptions>()));
}

async function watch(options: TopOptions): Promise<void> {
  const manager = openManager(options);
  const screen = process.stdout.isTTY && options.json !== true ? new Screen() : undefined;
  for (let looks = 1; screen?.isClosed !== true; looks++) {
    const survey = listLocks(manager);
    const isRead =
      screen?.draw(view(survey, manager.directory, options)) ?? printLook(survey, manager, options);
    if (looks === options.count || !isRead) break;
    await pause(options.interval, screen);
  }
  screen?.close();
}

function printLook(survey: Survey, { directory }: LockManager, options: TopOptions): boolean {
  const at = new Date().toISOString();
  const { all: locks, unseen } = survey;
  if (options.json === true) return printJson({ at, locks, ...(unseen.length === 0 ? {} : { unseen }) });
  return print(`${at}\n${view(survey, directory, options)}\n`);
}

/** The table, and below it the line before each lock that somebody waits for, and what the table lacks. */
function view(survey: Survey, directory: string, options: TopOptions): string {
  const locks = survey.all;
  const lack = lackOf(survey);
  if (locks.length === 0) return lack ?? `no locks in ${printable(directory)}`;
  const contended = locks.filter(({ waiters }) => waiters.length > 0);
  const lines = contended.map((info) => describe(info, cliNameOf(info.resource, options)));
  return [lockTable(locks), ...lines, ...(lack === undefined ? [] : [lack])].join('\n\n');
}

function pause(ms: number, screen: Screen | undefined): Promise<void> {
  return new Promise((resolve) => {
    const callOff = after(ms, resolve, 'alive');
    screen?.onClose(() => {
      callOff();
      resolve();
    });
  });
}

function parseInterval(word: string): number {
  const interval = parseDuration('-i, --interval', word);
  if (interval > 0) return interval;
  throw new InputError('-i, --interval', `must be above 0, got ${shown(word)}`);
}

function parseCount(word: string): number {
  if (/^[1-9]\d{0,8}$/.test(word)) return Number(word);
  throw new InvalidArgumentError(`--count must be a whole number above 0, got "${printable(word)}".`);
}
