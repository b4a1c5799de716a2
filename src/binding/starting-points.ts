import { existsSync } from 'node:fs';
import * as modules from 'node:module';
import { isAbsolute } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A file of the running program, from which packages are looked for as its own `require` would. */
export interface StartingPoint {
  readonly file: string;
  readonly load: (name: string) => unknown;
}

/**
 * Where packages of this program can lie: beside the file that this code runs from, be it Holdfast's or a bundle; and beside the
 * program's main file, for code that was evaluated from a string. Of a single executable, beside the executable.
 *
 * Never the working directory, nor a word of the command line: whoever chooses those would choose the code that is loaded.
 */
export function startingPoints(): readonly StartingPoint[] {
  const files = isSingleExecutable() ? [process.execPath] : [ownFile(), process.mainModule?.filename];
  return [...new Set(files)].flatMap((file) =>
    file !== undefined && isAbsolute(file) && existsSync(file) ? [{ file, load: requireFrom(file) }] : [],
  );
}

/** By the namespace: of `createRequire` imported by its name, webpack takes the calls for its own. */
function requireFrom(file: string): StartingPoint['load'] {
  return modules.createRequire(file);
}

function isSingleExecutable(): boolean {
  try {
    const sea = process.getBuiltinModule('node:sea') as { isSea(): boolean } | undefined;
    return sea?.isSea() === true; // its code says of itself where it lay when it was built
  } catch {
    return false;
  }
}

/** The file that this very code runs from; undefined where it runs from a string. */
function ownFile(): string | undefined {
  const name = callSite();
  try {
    return name?.startsWith('file:') === true ? fileURLToPath(name) : name;
  } catch {
    return undefined;
  }
}

/**
 * Asks the engine, for bundlers cannot write into that. Its text comes second: source maps change the names in it, and only
 * where `Error` is frozen it is all there is.
 */
function callSite(): string | undefined {
  const { prepareStackTrace } = Error;
  try {
    Error.prepareStackTrace = (_error, sites) => sites[0]?.getFileName() ?? undefined;
    const name: unknown = new Error('where is this?').stack;
    return typeof name === 'string' ? fromText(name) : undefined;
  } catch {
    return fromText(new Error('where is this?').stack ?? '');
  } finally {
    restore(prepareStackTrace);
  }
}

/** The file of the first line that names one in a stack as text; anything else is a name already. */
function fromText(stack: string): string {
  if (!stack.startsWith('Error')) return stack;
  return /(?:\(|at )((?:file:\/\/|\/|[A-Za-z]:\\)[^()\n]*?):\d+:\d+\)?$/m.exec(stack)?.[1] ?? '';
}

function restore(before: typeof Error.prepareStackTrace): void {
  try {
    Error.prepareStackTrace = before;
  } catch {
    // Frozen, and so never changed.
  }
}
