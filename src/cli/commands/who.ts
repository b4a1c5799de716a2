import type { Command } from 'commander';
import { duration, heldOrKept, holder, holders, printable, shellWord } from '../../errors/describe.ts';
import { copyAdvice } from '../../errors/lock-errors.ts';
import type { HolderRecord } from '../../identity/holder.ts';
import { liveness } from '../../identity/index.ts';
import type { LockInfo } from '../../lock/query.ts';
import { exitCodes } from '../exit-codes.ts';
import { fileOption, nameOption, withGlobalOptions } from '../options.ts';
import { printJson } from '../output/json.ts';
import { print } from '../output/text.ts';
import { cliNameOfWord, type NamingOptions, openManager, targetOfWord } from '../settings.ts';

export function defineWho(program: Command): void {
  withGlobalOptions(program.command('who'))
    .usage('[options] NAME')
    .summary('tell who holds a lock, and who waits for it')
    .description(
      'Tell who holds a lock, and who waits for it in which order. Exits with 0 when somebody does, with 1 when it is free.',
    )
    .argument('<name>', 'the lock')
    .addOption(nameOption())
    .addOption(fileOption())
    .action((name: string, _options: NamingOptions, command: Command) => {
      const options = command.optsWithGlobals<NamingOptions>();
      const info = openManager(options).inspect(targetOfWord(name, options));
      if (options.json === true) printJson(info);
      else print(describe(info, cliNameOfWord(name, options)));
      process.exitCode = info.state === 'free' ? exitCodes.no : exitCodes.success;
    });
}

/** Who holds it and who waits, in words; each of several on a line of its own. `cliName`: how commands call the lock. */
export function describe(info: LockInfo, cliName: string): string {
  const doubts = info.holders.flatMap((record) => describeDoubt(record, cliName, info.path));
  return [describeHolders(info), ...doubts, ...info.waiters.map(describeWaiter)].join('\n');
}

/** What to do about a holder of which nobody here can tell whether it lives, or that is none. */
function describeDoubt({ claim, ...record }: HolderRecord, cliName: string, path: string): string[] {
  if (record.copy === true) return [`  ${copyAdvice(cliName)}`];
  if (record.inherited === true && record.pid === undefined)
    return [`  this user may not look into it; root sees it with: fuser -v ${shellWord(path)}`];
  if (claim === undefined || liveness(record) !== 'unknown') return [];
  return [
    '  whether it lives cannot be told from here: ask on its machine, with holdfast who',
    `  if it is gone for good: holdfast break --claim ${claim} ${cliName}`,
  ];
}

function describeWaiter({ mode, record, waited }: LockInfo['waiters'][number], index: number): string {
  const how = mode === 'shared' ? ', shared' : '';
  return `  ${index + 1}. in line: ${holder(withoutSince(record))}${how}, waiting for ${duration(waited)}`;
}

/** The time in a waiter's record is that of its coming, which the span says better. */
function withoutSince({ since: _, ...record }: HolderRecord): HolderRecord {
  return record;
}

function describeHolders({ resource, state, contract, holders: records }: LockInfo): string {
  const name = printable(resource);
  if (state === 'free') return `${name} is free`;
  const shared = state === 'shared' ? 'shared ' : '';
  const worth = contract === 'kernel' ? '' : `under the contract ${contract} `;
  const how = `${heldOrKept(records)} ${shared}${worth}by`;
  if (records.length <= 1) return `${name} is ${how} ${holders(records)}`;
  return [`${name} is ${how}`, ...records.map((record) => `  ${holder(record)}`)].join('\n');
}
