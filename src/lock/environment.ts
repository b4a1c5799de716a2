import type { Contract, EngineName } from '../engine/engine.ts';
import { InputError, shown } from '../errors/input-error.ts';
import { parseDuration } from './duration.ts';

/** What environment variables say in place of options that were not given. */
export interface EnvironmentOptions {
  readonly engine?: EngineName | 'auto';
  readonly require?: Contract;
  readonly timeout?: number;
  readonly staleAfter?: number;
  readonly pollInterval?: number;
}

interface Variable {
  readonly name: string;
  readonly option: keyof EnvironmentOptions;
  readonly read: (name: string, value: string) => unknown;
}

export const ENGINES: readonly (EngineName | 'auto')[] = ['auto', 'kernel', 'portable'];
export const CONTRACTS: readonly Contract[] = ['kernel', 'claim', 'lease'];

/** Every variable that stands in for an option, with its option and how it is read. */
export const VARIABLES: readonly Variable[] = [
  { name: 'HOLDFAST_ENGINE', option: 'engine', read: oneOf(ENGINES) },
  { name: 'HOLDFAST_REQUIRE', option: 'require', read: oneOf(CONTRACTS) },
  { name: 'HOLDFAST_TIMEOUT', option: 'timeout', read: duration('any') },
  { name: 'HOLDFAST_STALE_AFTER', option: 'staleAfter', read: duration('above 0') },
  { name: 'HOLDFAST_POLL_INTERVAL', option: 'pollInterval', read: duration('above 0') },
];

/**
 * The options that the environment gives. An empty variable counts as none.
 *
 * @throws {InputError} naming the variable whose value cannot be used.
 */
export function environmentOptions(env: NodeJS.ProcessEnv = process.env): EnvironmentOptions {
  const options: Partial<Record<keyof EnvironmentOptions, unknown>> = {};
  for (const { name, option, read } of VARIABLES) {
    const value = env[name];
    if (value !== undefined && value !== '') options[option] = read(`environment variable ${name}`, value);
  }
  return options as EnvironmentOptions;
}

/**
 * Whether the stack of each acquisition is kept, for the errors of those who ask for what this process holds: where
 * `HOLDFAST_TRACE` is 1.
 *
 * @throws {InputError} for any other value than 1, 0 and none.
 */
export function keepsStacks({ HOLDFAST_TRACE: value = '' }: NodeJS.ProcessEnv = process.env): boolean {
  if (['', '0', '1'].includes(value)) return value === '1';
  throw new InputError('environment variable HOLDFAST_TRACE', `must be 1 or 0, got ${shown(value)}`);
}

function oneOf(words: readonly string[]): Variable['read'] {
  const choice = words.map((word) => `'${word}'`).join(' or ');
  return (name, value) => {
    if (words.includes(value)) return value;
    throw new InputError(name, `must be ${choice}, got ${shown(value)}`);
  };
}

function duration(range: 'any' | 'above 0'): Variable['read'] {
  return (name, value) => {
    const ms = parseDuration(name, value);
    if (ms > 0 || range === 'any') return ms;
    throw new InputError(name, `must be a duration above 0, got ${shown(value)}`);
  };
}
