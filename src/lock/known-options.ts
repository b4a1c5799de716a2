import { printable } from '../errors/describe.ts';
import { InputError, shown } from '../errors/input-error.ts';
import { nearest } from '../errors/suggest.ts';

/** The names of all options in `T`; the compiler sees to it that none is forgotten. */
export function namesOf<T>(names: Readonly<Record<keyof T, true>>): ReadonlySet<string> {
  return new Set(Object.keys(names));
}

/** An option that is undefined counts as left out. @throws {InputError} for anything but an object of known options. */
export function checkNames(options: unknown, known: ReadonlySet<string>): void {
  if (typeof options !== 'object' || options === null) {
    throw new InputError('options', `must be an object, got ${shown(options)}`);
  }
  for (const name in options) {
    if (!known.has(name) && (options as Record<string, unknown>)[name] !== undefined)
      throw unknown(name, known);
  }
}

/** A misspelt option that was passed over in silence would be a lock that is not what was asked for. */
function unknown(name: string, known: ReadonlySet<string>): InputError {
  const names = [...known];
  const near = nearest(name, names);
  const hint = near === undefined ? `; there are ${names.join(', ')}` : ` (did you mean ${near}?)`;
  return new InputError(printable(name), `is not an option${hint}`);
}
