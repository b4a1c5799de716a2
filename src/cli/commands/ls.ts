import type { Command } from 'commander';
import { clock, duration, printable } from '../../errors/describe.ts';
import type { HolderRecord } from '../../identity/holder.ts';
import type { LockInfo } from '../../lock/query.ts';
import { withGlobalOptions } from '../options.ts';
import { type Colours, coloursFor } from '../output/colour.ts';
import { printJson } from '../output/json.ts';
import { table } from '../output/table.ts';
import { print } from '../output/text.ts';
import { type GlobalOptions, openManager } from '../settings.ts';

interface LsOptions extends GlobalOptions {
  readonly names?: true;
}

const WIDEST_COMMAND = 60;

export function defineLs(program: Command): void {
  withGlobalOptions(program.command('ls'))
    .usage('[options]')
    .summary('list the locks on names')
    .description('List the locks on names: which are free, who holds the others, how and since when.')
    .option('--names', 'print the names only, one a line')
    .action((_options: LsOptions, command: Command) => {
      const options = command.optsWithGlobals<LsOptions>();
      const manager = openManager(options);
      const locks = manager.list();
      if (options.json === true) printJson(locks);
      else if (options.names === true) for (const { resource } of locks) print(printable(resource));
      else if (locks.length === 0) print(`no locks in ${manager.directory}`);
      else print(table([header(), ...locks.flatMap(rows)]));
    });
}

function header(): string[] {
  const { bold } = coloursFor(1);
  return ['NAME', 'STATE', 'PID', 'USER', 'SINCE', 'HELD BY'].map(bold);
}

/** One row a lock, or a holder where several share it. */
function rows({ resource, state, holders }: LockInfo): string[][] {
  const colours = coloursFor(1);
  const name = printable(resource);
  if (state === 'free') return [[name, colours.green('free')]];
  if (holders.length === 0)
    return [[name, colours.yellow(state), '?', '?', '?', 'a process that left no record']];
  return holders.map((holder) => [name, colours.yellow(state), ...facts(holder, colours)]);
}

function facts(holder: HolderRecord, { dim }: Colours): string[] {
  const { pid, user, since, purpose, command } = holder;
  const from = Date.parse(since ?? '');
  const when = Number.isNaN(from)
    ? '?'
    : `${clock(new Date(from))} ${dim(`(${duration(Date.now() - from)})`)}`;
  const title = printable(purpose ?? command ?? 'a process that left no record');
  const short = title.length > WIDEST_COMMAND ? `${title.slice(0, WIDEST_COMMAND - 1)}…` : title;
  return [String(pid ?? '?'), printable(user ?? '?'), when, short];
}
