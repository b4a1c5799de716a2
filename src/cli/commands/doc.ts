import { type Command, InvalidArgumentError, Option } from 'commander';
import { shown } from '../../errors/input-error.ts';
import { listBackups } from '../doc/backups.ts';
import { checkDocument } from '../doc/check.ts';
import { type GetFlags, getValue } from '../doc/get.ts';
import { type MergeFlags, mergeFiles } from '../doc/merge.ts';
import { type ResolveFlags, resolveDocument } from '../doc/resolve.ts';
import { restoreDocument } from '../doc/restore.ts';
import { setValue } from '../doc/set.ts';
import { tellingOfWaits } from '../doc/waits.ts';
import { watchDocument } from '../doc/watch.ts';
import { nonEmpty } from '../options.ts';

const MERGE_EXAMPLES = `
Examples:
  holdfast doc merge before.json mine.json yours.json >merged.json
  holdfast doc merge --volatile lastUpdated --strategy 'stock[].count=sum' base.json a.json b.json
  git config merge.holdfast.driver 'holdfast doc merge --driver %O %A %B %P'   and in .gitattributes: *.json merge=holdfast`;

/** `--json`, the one option that all of them have. */
interface DocFlags {
  readonly json?: true;
}

export function defineDoc(program: Command): void {
  const doc = withJson(program.command('doc'))
    .helpCommand(false)
    .usage('get|set|check|watch|resolve|backups|restore|merge [options] FILE…')
    .summary('read, change and restore a shared JSON document')
    .description(
      'Read, check, change and restore a JSON document that other programs may change at the same time. A PATH names a value in it, ' +
        "such as 'roles[id=42].name', 'roles[0]', or '[\"a.b\"]'; a dot is the whole document.",
    );
  withJson(doc.command('get'))
    .usage('[options] FILE [PATH]')
    .summary('print a value of a document; 1 when it is not there')
    .description(
      'Print the whole value of a document, or the one at a path. Exits with 1 when there is none.',
    )
    .argument('<file>', 'the document')
    .argument('[path]', 'where the value is; a dot: all of it', parsePathWord, '')
    .option('-r, --raw', 'print a text as it is, without quotes')
    .action((file: string, path: string, _flags: GetFlags, command: Command) =>
      getValue(file, path, command.optsWithGlobals<GetFlags>()),
    );
  withJson(doc.command('set'))
    .usage('[options] FILE PATH VALUE')
    .summary('change a value of a document; 1 when its place is not there')
    .description(
      'Change the value at a path, or add a member or a last element: one durable edit under the lock of the file. All else ' +
        'in the file stays as it is. Exits with 1 when the path leads nowhere.',
    )
    .argument('<file>', 'the document')
    .argument('<path>', 'where the value is; a dot: all of it', parsePathWord)
    .argument('<value>', "JSON, such as 5, true, '\"a text\"' or '[1, 2]'")
    .action((file: string, path: string, value: string, _flags: DocFlags, command: Command) =>
      tellingOfWaits(command.optsWithGlobals<DocFlags>(), () => setValue(file, path, value)),
    );
  withJson(doc.command('check'))
    .usage('[options] FILE')
    .summary('say whether a document can be read; 1 when it cannot')
    .description(
      'Say whether a document can be read, and where it is damaged: with line and column, and exit code 1.',
    )
    .argument('<file>', 'the document')
    .action((file: string, _flags: DocFlags, command: Command) =>
      checkDocument(file, command.optsWithGlobals<DocFlags>()),
    );
  withJson(doc.command('watch'))
    .usage('[options] FILE')
    .summary('tell what changes in a document, until Ctrl-C')
    .description(
      'Tell what changes in a document, place by place, whoever changes it, until Ctrl-C. Never writes.',
    )
    .argument('<file>', 'the document')
    .action((file: string, _flags: DocFlags, command: Command) =>
      watchDocument(file, command.optsWithGlobals<DocFlags>()),
    );
  withJson(doc.command('resolve'))
    .usage('[options] FILE')
    .summary('choose between versions that could not be merged; 1 when some are left')
    .description(
      'Go through the versions of a document that a program could not save, since others had changed the same places. On a ' +
        'terminal, each conflict is a row with its three values, and nothing is written before the last answer. Elsewhere the ' +
        'conflicts are printed (exit code 1), unless an option says what counts. Both versions become backups first.',
    )
    .argument('<file>', 'the document')
    .addOption(
      new Option('--ours', 'the version that was not saved counts at each conflict').conflicts('theirs'),
    )
    .addOption(new Option('--theirs', 'what is in the document counts at each conflict'))
    .action((file: string, _flags: ResolveFlags, command: Command) =>
      tellingOfWaits(command.optsWithGlobals<DocFlags>(), () =>
        resolveDocument(file, command.optsWithGlobals<ResolveFlags>()),
      ),
    );
  withJson(doc.command('backups'))
    .usage('[options] FILE')
    .summary('list the backups of a document')
    .description(
      'List the backups of a document, the newest first: how old, why they were made, and whether they are whole.',
    )
    .argument('<file>', 'the document')
    .action((file: string, _flags: DocFlags, command: Command) =>
      listBackups(file, command.optsWithGlobals<DocFlags>()),
    );
  withJson(doc.command('restore'))
    .usage('[options] FILE [BACKUP]')
    .summary('restore a document from a backup; 1 when there is none')
    .description(
      'Put a backup in place of a document, damaged, missing or whole: BACKUP, or the newest one that is whole and says ' +
        'something else. What is there is kept first, and it prints how to undo it.',
    )
    .argument('<file>', 'the document')
    .argument('[backup]', 'its name, as backups prints it')
    .action((file: string, backup: string | undefined, _flags: DocFlags, command: Command) =>
      tellingOfWaits(command.optsWithGlobals<DocFlags>(), () =>
        restoreDocument(file, backup, command.optsWithGlobals<DocFlags>()),
      ),
    );
  withJson(doc.command('merge'))
    .usage('[options] BASE OURS THEIRS [NAME]')
    .summary('merge two edits of a JSON file; 1 when they conflict')
    .description(
      'Merge two edits of BASE, and print the result in the format of OURS. Records are told apart by id, key or name. Exits ' +
        'with 1 when both changed one value in different ways: the result has that of OURS then, and standard error tells of ' +
        'each. Exits with 2 when a file cannot be read or is not JSON, or an option is wrong. An empty BASE stands for no file.',
    )
    .argument('<base>', 'the version that both began with')
    .argument('<ours>', 'one edit of it')
    .argument('<theirs>', 'the other edit')
    .argument('[name]', 'what messages call the file')
    .option('--driver', 'write the result to OURS, as git wants it from a merge driver')
    .addOption(listOption('--identity <member>', 'tell records apart by this member; may be repeated'))
    .addOption(
      listOption('--volatile <pattern>', 'take the later one of these members, such as lastUpdated; repeat'),
    )
    .addOption(
      new Option(
        '--strategy <pattern=name>',
        "decide so where both changed it, such as 'stock[].count=sum'; repeat",
      ).argParser(parseStrategy),
    )
    .addHelpText('after', MERGE_EXAMPLES)
    .action(
      (
        base: string,
        ours: string,
        theirs: string,
        name: string | undefined,
        _: MergeFlags,
        command: Command,
      ) => mergeFiles({ base, ours, theirs, name }, command.optsWithGlobals<MergeFlags>()),
    );
}

function withJson(command: Command): Command {
  return command.option('--json', 'print JSON on one line; errors too, on standard error');
}

/** The root, which `parsePath` writes as no text, is a dot here: an empty word is a variable of the shell that is not set. */
function parsePathWord(word: string): string {
  if (word === '') throw new InvalidArgumentError('PATH must not be empty; a dot is the whole document.');
  return word === '.' ? '' : word;
}

function listOption(flags: string, description: string): Option {
  const parse = nonEmpty(flags.split(' ')[0] ?? flags);
  return new Option(flags, description).argParser((word: string, before: readonly string[] | undefined) => [
    ...(before ?? []),
    parse(word),
  ]);
}

function parseStrategy(
  word: string,
  before: Readonly<Record<string, string>> | undefined,
): Readonly<Record<string, string>> {
  const at = word.lastIndexOf('=');
  if (at > 0) return { ...before, [word.slice(0, at)]: word.slice(at + 1) };
  throw new InvalidArgumentError(`--strategy must look like 'stock[].count=sum', got ${shown(word)}.`);
}
