import { type Command, InvalidArgumentError } from 'commander';
import { shown } from '../../errors/input-error.ts';
import { followLog } from '../log/follow.ts';
import { pretty } from '../log/pretty.ts';
import { LogReader } from '../log/reader.ts';
import { withGlobalOptions } from '../options.ts';
import { note, print } from '../output/text.ts';
import { auditPath, type GlobalOptions } from '../settings.ts';

interface LogOptions extends GlobalOptions {
  readonly lines: number;
  readonly follow?: true;
}

export function defineLog(program: Command): void {
  withGlobalOptions(program.command('log'))
    .usage('[options]')
    .summary('show what happened to locks')
    .description('Show the audit log: what happened to the locks of holdfast run, when and by whom.')
    .option('-n, --lines <count>', 'how many of the latest lines to print', parseCount, 20)
    .option('-f, --follow', 'keep printing new lines as they come, until Ctrl-C')
    .action((_options: LogOptions, command: Command) => show(command.optsWithGlobals<LogOptions>()));
}

async function show(options: LogOptions): Promise<void> {
  const path = auditPath();
  const put = (line: string) => print(options.json === true ? line : pretty(line));
  const reader = new LogReader(path);
  const lines = reader.last(options.lines);
  const isRead = lines.every(put);
  if (options.follow === true && isRead) await followLog(path, reader, put);
  else if (lines.length === 0 && options.lines > 0) note(`nothing has been logged yet in ${path}`);
}

function parseCount(word: string): number {
  if (!/^\d{1,9}$/.test(word))
    throw new InvalidArgumentError(`-n must be a whole number, got ${shown(word)}.`);
  return Number(word);
}
