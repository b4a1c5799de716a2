import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { systemCode } from '../../errors/base.ts';
import { InputError, shown } from '../../errors/input-error.ts';
import { workingDirectory } from '../../storage/working-directory.ts';
import { type Examination, examine } from '../doctor/examine.ts';
import { conclusion, describeExamination } from '../doctor/report.ts';
import { serve } from '../doctor/serve.ts';
import { exitCodes } from '../exit-codes.ts';
import { nonEmpty, withGlobalOptions } from '../options.ts';
import { printJson } from '../output/json.ts';
import { print } from '../output/text.ts';
import { type GlobalOptions, openManager } from '../settings.ts';

interface DoctorOptions extends GlobalOptions {
  readonly partner?: string;
}

type Place = readonly [directory: string, holds: Examination['holds']];

export function defineDoctor(program: Command): void {
  withGlobalOptions(program.command('doctor'))
    .usage('[options] [DIR…]')
    .summary('test whether locks hold in a directory')
    .description(
      'Test with two processes whether locks hold in a directory, and say which engine locks there and why. ' +
        'Without DIR: in that of the locks on names, and here. Leaves nothing behind. Exits with 1 when something is not safe.',
    )
    .argument('[directories...]', 'where to test')
    .addOption(new Option('--partner <scratch>').argParser(nonEmpty('--partner')).hideHelp())
    .action((directories: string[], _options: DoctorOptions, command: Command) => {
      const options = command.optsWithGlobals<DoctorOptions>();
      if (options.partner !== undefined) return serve(options.partner);
      return doctor(directories, options);
    });
}

async function doctor(directories: readonly string[], options: DoctorOptions): Promise<void> {
  const examinations: Examination[] = [];
  for (const [directory, holds] of placesOf(directories, options)) {
    const examination = await examine(directory, holds);
    examinations.push(examination);
    if (options.json !== true) print(`${describeExamination(examination)}\n`);
  }
  const safe = examinations.every((examination) => examination.safe);
  if (options.json === true) printJson({ safe, places: examinations });
  else print(conclusion(examinations));
  process.exitCode = safe ? exitCodes.success : exitCodes.no;
}

function placesOf(directories: readonly string[], options: DoctorOptions): Place[] {
  if (directories.length > 0) return directories.map((each) => [checkedDirectory(each), 'files']);
  const { directory } = openManager(options);
  const here = workingDirectory();
  return here === directory || here === undefined
    ? [[directory, 'names']]
    : [
        [directory, 'names'],
        [here, 'files'],
      ];
}

/** @throws {InputError} it is no directory. */
function checkedDirectory(word: string): string {
  try {
    if (statSync(word).isDirectory()) return resolve(word);
  } catch (error) {
    throw new InputError('DIR', `must be a directory, got ${shown(word)} (${systemCode(error)})`);
  }
  throw new InputError('DIR', `must be a directory, got ${shown(word)}, which is not one`);
}
