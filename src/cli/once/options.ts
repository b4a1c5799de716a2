import type { Scope } from '../../once/scope.ts';
import { CliError } from '../cli-error.ts';
import { exitCodes } from '../exit-codes.ts';
import type { GlobalOptions } from '../settings.ts';

/** What `holdfast once` was asked for. Spans in milliseconds. */
export interface OnceFlags extends GlobalOptions {
  readonly id?: string;
  readonly detach?: true;
  readonly wait?: true;
  readonly follow?: true;
  readonly peek?: true;
  readonly active?: true;
  readonly stdout?: true;
  readonly stderr?: true;
  readonly exitCode?: true;
  readonly reset?: true;
  readonly stop?: true;
  readonly yes?: true;
  readonly complete?: true;
  readonly anyCommand?: true;
  readonly failed?: true;
  readonly dead?: true;
  readonly all?: true;
  readonly ttl?: number;
  readonly failureTtl?: number;
  readonly timeout?: number;
  readonly grace?: number;
  readonly attempts?: number;
  readonly validate?: string;
  readonly inputs?: readonly string[];
  readonly message?: string;
  readonly quiet?: true;
  readonly scope?: 'user' | 'project';
}

/** What to do, of which there is one. */
const DEEDS = [
  'detach',
  'wait',
  'follow',
  'peek',
  'active',
  'stdout',
  'stderr',
  'exitCode',
  'reset',
  'stop',
] as const;

export type Deed = (typeof DEEDS)[number] | 'run' | 'ls' | 'history' | 'clean';

const TAKES_COMMAND: readonly Deed[] = ['run', 'detach', 'wait', 'follow'];
const NEEDS_COMMAND: readonly Deed[] = ['run', 'detach'];
const SUBCOMMANDS: readonly string[] = ['ls', 'history', 'clean'];

/** One call, after its words were sorted. */
export interface OnceCall {
  readonly deed: Deed;
  /** Empty for `ls` and `clean`. */
  readonly id: string;
  /** Empty when there is none. */
  readonly words: readonly string[];
  readonly flags: OnceFlags;
}

/**
 * Sorts the words before and after `--`. The first word is a subcommand if it is called like one, else the id; `--id`
 * takes any id.
 *
 * @throws {CliError} naming what does not go together.
 */
export function readCall(
  before: readonly string[],
  words: readonly string[] | undefined,
  flags: OnceFlags,
): OnceCall {
  const [first, ...rest] = flags.id === undefined ? before : [flags.id, ...before];
  if (first === undefined) {
    const hint =
      flags.inputs === undefined
        ? ''
        : ' --inputs takes every word after it; put the ID before, or after --id.';
    throw usage(`once needs an ID, or ls, history or clean.${hint}`);
  }
  if (flags.system === true) {
    throw usage(
      'once has no --system: a result is trusted, so it is shared among the programs of one user only',
    );
  }
  const isSubcommand = flags.id === undefined && SUBCOMMANDS.includes(first);
  const call = isSubcommand ? subcommand(first, rest, words, flags) : task(first, rest, words, flags);
  if (call.deed !== 'clean') {
    const alone = (['failed', 'dead', 'all'] as const).find((name) => flags[name] === true);
    if (alone !== undefined) throw usage(`--${alone} goes with: holdfast once clean`);
  }
  return call;
}

function subcommand(
  name: string,
  rest: readonly string[],
  words: readonly string[] | undefined,
  flags: OnceFlags,
): OnceCall {
  if (words !== undefined)
    throw usage(
      `${name} is a subcommand of once; for a task of that name: holdfast once --id ${name} -- COMMAND`,
    );
  const [id = '', surplus] = name === 'history' ? rest : ['', rest[0]];
  if (name === 'history' && id === '') throw usage('history needs an ID');
  if (surplus !== undefined) throw usage(`${name} does not take another word, got ${surplus}`);
  const asked = deedsIn(flags).filter((deed) => !(name === 'clean' && deed === 'stop'));
  if (asked.length > 0) throw usage(`${name} does not go with --${dashed(asked[0] as string)}`);
  return { deed: name as Deed, id, words: [], flags };
}

function task(
  id: string,
  rest: readonly string[],
  words: readonly string[] | undefined,
  flags: OnceFlags,
): OnceCall {
  if (id === '') throw usage('ID must not be empty, got ""');
  if (rest.length > 0)
    throw usage(`once takes one ID, got ${[id, ...rest].join(' ')}; a COMMAND goes after --`);
  const asked = deedsIn(flags);
  const pair = asked.join(' ');
  if (asked.length > 1 && pair !== 'reset stop' && pair !== 'wait follow') {
    throw usage(`--${asked.map((each) => dashed(each)).join(' and --')} do not go together`);
  }
  const deed: Deed = pair === 'wait follow' ? 'follow' : (asked[0] ?? 'run');
  if (words === undefined) {
    if (NEEDS_COMMAND.includes(deed))
      throw usage(
        `once needs a COMMAND after -- (or say what to do with ${id}: --peek, --wait, --stdout, …)`,
      );
    return { deed, id, words: [], flags };
  }
  if (!TAKES_COMMAND.includes(deed)) throw usage(`--${dashed(deed)} does not take a COMMAND`);
  if (words[0] === undefined) throw usage('once needs a COMMAND after --');
  if (words[0] === '') throw usage('COMMAND must not be empty, got ""');
  return { deed, id, words, flags };
}

/** The words of a call that has some. */
export function wordsOf({ words }: OnceCall): [string, ...string[]] {
  return words as [string, ...string[]];
}

/** A deed as people ask for it. */
export function deedWord(deed: Deed): string {
  return SUBCOMMANDS.includes(deed) ? deed : `--${dashed(deed)}`;
}

function deedsIn(flags: OnceFlags): (typeof DEEDS)[number][] {
  return DEEDS.filter((deed) => flags[deed] === true);
}

export function dashed(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function usage(problem: string): CliError {
  return new CliError(exitCodes.failure, 'HOLDFAST_INPUT', problem);
}

/** The scope of a call: its option, else the setting of the environment, else that of commands. */
export function scopeOf({ scope }: OnceFlags, env: NodeJS.ProcessEnv = process.env): Scope {
  if (scope !== undefined) return scope;
  const value = env.HOLDFAST_ONCE_SCOPE;
  if (value === undefined || value === '') return 'nearest';
  if (value === 'user' || value === 'project') return value;
  throw usage(`environment variable HOLDFAST_ONCE_SCOPE must be "user" or "project", got "${value}".`);
}
