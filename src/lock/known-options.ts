import { printable } from '../errors/describe.ts';
import { InputError, shown } from '../errors/input-error.ts';
import { nearest } from '../errors/suggest.ts';

interface Names {
  has(name: string): boolean;
  keys(): Iterable<string>;
}

/** The names of all options in `T`; the compiler sees to it that none is forgotten. */
export function namesOf<T>(names: Readonly<Record<keyof T, true>>): ReadonlySet<string> {
  return new Set(Object.keys(names));
}

/** An option that is undefined counts as left out. @throws {InputError} for anything but an object of known options. */
export function checkNames(options: unknown, known: Names): void {
  if (typeof options !== 'object' || options === null || !isPlain(options)) {
    throw new InputError('options', `must be an object, got ${shown(options)}`);
  }
  for (const name in options) {
    if (!known.has(name) && (options as Record<string, unknown>)[name] !== undefined)
      throw unknown(name, known);
  }
}

/** A list, a signal or a map has no options either: they would be passed over in silence. */
function isPlain(options: object): boolean {
  return Object.prototype.toString.call(options) === '[object Object]';
}

/** A misspelt option that was passed over in silence would be a lock that is not what was asked for. */
function unknown(name: string, known: Names): InputError {
  const names = [...known.keys()];
  const near = nearest(name, names);
  const hint = near === undefined ? `; there are ${names.join(', ')}` : ` (did you mean ${near}?)`;
  return new InputError(printable(name), `is not an option${hint}`);
}

/** What an option may be: in words that follow "must be", and whether a value is that. */
export interface Kind {
  readonly what: string;
  readonly fits: (value: unknown) => boolean;
  /** How a value that does not fit is named, where that is not as any value. */
  readonly tell?: (value: unknown) => string;
}

export const anything: Kind = { what: 'anything', fits: () => true };
export const flag: Kind = { what: 'true or false', fits: (value) => typeof value === 'boolean' };
export const callback: Kind = { what: 'a function', fits: (value) => typeof value === 'function' };
export const signal: Kind = { what: 'an AbortSignal', fits: (value) => value instanceof AbortSignal };
export const object: Kind = {
  what: 'an object',
  fits: (value) => typeof value === 'object' && value !== null,
};
export const utf8: Kind = {
  what: 'a text that UTF-8 can hold',
  fits: (value) => typeof value === 'string' && value.isWellFormed(),
};
export const path: Kind = {
  what: 'a path',
  fits: (value) => typeof value === 'string' && value !== '' && !value.includes('\0'),
};
export const span: Kind = { what: 'a number of milliseconds, 0 or more', fits: isAmount };
export const amount: Kind = { what: 'a number, 0 or more', fits: isAmount };
export const extent: Kind = {
  what: 'a whole number of bytes',
  fits: (value) => Number.isSafeInteger(value) && isAmount(value),
};
export const count: Kind = {
  what: 'a whole number above 0',
  fits: (value) => Number.isInteger(value) && (value as number) > 0,
};

export function oneOf(...values: readonly string[]): Kind {
  return {
    what: `one of ${values.map(shown).join(', ')}`,
    fits: (value) => values.includes(value as string),
  };
}

function isAmount(value: unknown): boolean {
  return typeof value === 'number' && value >= 0;
}

/** What the options in `T` may be; the compiler sees to it that none is forgotten. */
export type Kinds<T> = { readonly [K in keyof T]-?: Kind };

/** As `checkNames`, and each has to be of its kind. @throws {InputError} naming the option. */
export function checkKinds<T extends object>(options: T, kinds: Kinds<T>): void {
  checkNames(options, { has: (name) => Object.hasOwn(kinds, name), keys: () => Object.keys(kinds) });
  checkGiven(options, kinds);
}

/** Those of these options that are there. @throws {InputError} naming the option. */
export function checkGiven<T extends object>(options: T, kinds: Partial<Kinds<T>>): void {
  for (const name in kinds) {
    if (options[name] !== undefined) check(name, options[name], kinds[name] as Kind);
  }
}

/** @throws {InputError} for a value of another kind. */
export function check(name: string, value: unknown, { what, fits, tell = shown }: Kind): void {
  if (!fits(value)) throw new InputError(name, `must be ${what}, got ${tell(value)}`);
}

/** These options, without those that are undefined. */
export function given<T extends object>(options: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as object;
}
