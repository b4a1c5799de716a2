import type { Command } from 'commander';
import { printable } from '../../errors/describe.ts';
import type { LockInfo, Survey } from '../../lock/query.ts';
import { lackOf, listLocks } from '../list-locks.ts';
import { withGlobalOptions } from '../options.ts';
import { printJson, tellJson } from '../output/json.ts';
import { lockTable } from '../output/lock-table.ts';
import { note, print } from '../output/text.ts';
import { type GlobalOptions, openManager } from '../settings.ts';

/** Of one whose name is not known, nothing: its path names another lock. */
function printNames(locks: readonly LockInfo[]): void {
  for (const { resource, path } of locks) if (resource !== path) print(printable(resource));
}

interface LsOptions extends GlobalOptions {
  readonly names?: true;
}

export function defineLs(program: Command): void {
  withGlobalOptions(program.command('ls'))
    .usage('[options]')
    .summary('list the locks on names')
    .description(
      'List the locks on names: which are free, who holds the others, how and since when, and how many wait.',
    )
    .option('--names', 'print only the names, one per line')
    .action((_options: LsOptions, command: Command) => {
      const options = command.optsWithGlobals<LsOptions>();
      const manager = openManager(options);
      const survey = listLocks(manager);
      const { all: locks, unseen } = survey;
      if (options.json === true) printJson(locks);
      else if (options.names === true) printNames(locks);
      else if (locks.length > 0) print(lockTable(locks));
      else if (unseen.length === 0) print(`no locks in ${manager.directory}`);
      tellOfLack(survey, options);
    });
}

function tellOfLack(survey: Survey, { json }: LsOptions): void {
  const lack = lackOf(survey);
  if (lack === undefined) return;
  if (json === true) tellJson({ event: 'unseen', paths: survey.unseen });
  else note(lack);
}
