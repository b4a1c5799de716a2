import { lstatSync, statSync } from 'node:fs';
import { relative } from 'node:path';
import type { Command } from 'commander';
import { printable } from '../../errors/describe.ts';
import { InputError, shown } from '../../errors/input-error.ts';
import { type CleanResult, cleanLock, cleanStale, type StaleEntry } from '../../lock/clean-stale.ts';
import { looksLikeFile } from '../../lock/cli-name.ts';
import type { LockManager } from '../../lock/manager.ts';
import { exitCodes } from '../exit-codes.ts';
import { fileOption, nameOption, withGlobalOptions } from '../options.ts';
import { printJson } from '../output/json.ts';
import { print } from '../output/text.ts';
import { type NamingOptions, openManager, targetOfWord } from '../settings.ts';

interface CleanOptions extends NamingOptions {
  readonly dryRun?: true;
}

/** What was found at one of the places that were asked for. */
interface Cleaned extends CleanResult {
  readonly place: string;
}

export function defineClean(program: Command): void {
  withGlobalOptions(program.command('clean'))
    .usage('[options] [NAME|DIR…]')
    .summary('remove what dead processes left of their locks')
    .description(
      'Remove what dead processes left of their locks: claims, tickets in the queue, and unfinished files. Nothing of a ' +
        'process that may be alive is touched, and nothing that Holdfast did not make. Copies of claims, which came with a ' +
        'copied directory, are removed too. Without a NAME or DIR, all locks on names are looked at.',
    )
    .argument('[names...]', 'locks, or directories with locks')
    .addOption(nameOption())
    .addOption(fileOption())
    .option('--dry-run', 'only print what would be removed')
    .action((words: string[], _options: CleanOptions, command: Command) =>
      clean(words, command.optsWithGlobals<CleanOptions>()),
    );
}

async function clean(words: readonly string[], options: CleanOptions): Promise<void> {
  const manager = openManager(options);
  const dryRun = options.dryRun === true;
  const places =
    words.length === 0
      ? [{ directory: manager.directory }]
      : words.map((word) => placeOf(word, manager, options));
  const cleaned: Cleaned[] = [];
  for (const place of places) cleaned.push(await look(place, dryRun));
  if (options.json === true) {
    const all = (which: keyof CleanResult) => cleaned.flatMap((each) => each[which]);
    printJson({ dryRun, removed: all('removed'), kept: all('kept') });
  } else {
    for (const each of cleaned) tell(each, dryRun);
  }
  if (!dryRun && (await isAnythingLeft(places))) process.exitCode = exitCodes.no;
}

type Place = { readonly directory: string } | { readonly lock: string };

/** A directory that is there is looked through; any other word names a lock. */
function placeOf(word: string, manager: LockManager, options: CleanOptions): Place {
  const isPath = options.name !== true && options.file !== true && looksLikeFile(word);
  if (isPath && statSync(word, { throwIfNoEntry: false })?.isDirectory()) return { directory: word };
  if (isPath && word.endsWith('/')) throw new InputError('DIR', `must be a directory, got ${shown(word)}`);
  return { lock: manager.pathOf(targetOfWord(word, options)) };
}

async function look(place: Place, dryRun: boolean): Promise<Cleaned> {
  if ('lock' in place) {
    lstatSync(place.lock, { throwIfNoEntry: false }); // throws where one may not look, and so cannot say what is there
    return { place: place.lock, ...(await cleanLock(place.lock, { dryRun })) };
  }
  const { directory } = place;
  const isThere = statSync(directory, { throwIfNoEntry: false }) !== undefined;
  return { place: directory, ...(isThere ? await cleanStale(directory, { dryRun }) : NOTHING) };
}

const NOTHING: CleanResult = { removed: [], kept: [] };

function tell({ place, removed, kept }: Cleaned, dryRun: boolean): void {
  for (const entry of removed) print(`${dryRun ? 'would remove' : 'removed'} ${describe(entry, place)}`);
  for (const entry of kept) print(`kept ${describe(entry, place)}`);
  if (removed.length === 0) print(`nothing to clean in ${printable(place)}`);
}

function describe({ path, what, why }: StaleEntry, place: string): string {
  const short = relative(place, path);
  return `${what} ${printable(short === '' || short.startsWith('..') ? path : short)}: ${why}`;
}

/** Somebody else's file, or a disk that refuses. */
async function isAnythingLeft(places: readonly Place[]): Promise<boolean> {
  for (const place of places) if ((await look(place, true)).removed.length > 0) return true;
  return false;
}
