import { anything, checkKinds, flag, type Kinds, span } from '../../lock/known-options.ts';
import { checkInputs } from '../inputs.ts';
import type { Marks } from '../job.ts';
import { ONCE_OPTIONS, type OnceOptions } from '../options.ts';
import type { Scope } from '../scope.ts';

/** What the run of a command is made with. Spans in milliseconds. */
export interface CommandOptions
  extends Pick<OnceOptions, 'ttl' | 'failureTtl' | 'attempts' | 'inputs' | 'directory'> {
  /** A shell command that succeeds while a recorded success still holds. */
  readonly validate?: string | undefined;
  /** Whose runs of the ID these are. Default `nearest`: of the project around the working directory, else of the user. */
  readonly scope?: Scope | undefined;
  /** The outcome of another command of the ID counts too. Default: it is waited for, and then this one runs. */
  readonly anyCommand?: boolean | undefined;
  /** How long the command has to end when it is to stop, until what is left of its process group is killed. Default 10 s. */
  readonly grace?: number | undefined;
}

const { ttl, failureTtl, attempts, inputs, directory } = ONCE_OPTIONS;

const KINDS: Kinds<CommandOptions> = {
  ttl,
  failureTtl,
  attempts,
  inputs,
  directory,
  validate: { what: 'a shell command', fits: (value) => typeof value === 'string' && value !== '' },
  scope: anything, // `placeOf` looks
  anyCommand: flag,
  grace: span,
};

/** @throws {InputError} naming the option. */
export function checkCommandOptions(options: CommandOptions): void {
  checkKinds(options, KINDS);
  if (options.inputs !== undefined) checkInputs(options.inputs);
}

/** A call that is to be made in the background. */
export interface BackgroundCall extends CommandOptions {
  readonly id: string;
  readonly words: readonly [string, ...string[]];
  /** What was known when the call came, if it is made there not for the first time. Default: what is known there. */
  readonly before?: Marks | undefined;
}
