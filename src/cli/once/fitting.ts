import { CliError } from '../cli-error.ts';
import { exitCodes } from '../exit-codes.ts';
import { type Deed, dashed, deedWord, type OnceCall } from './options.ts';

/** What a run is made with: of no effect where none is started. */
const OF_A_RUN = ['ttl', 'failureTtl', 'validate', 'inputs', 'attempts', 'anyCommand'] as const;

type Fitted = (typeof OF_A_RUN)[number] | 'timeout' | 'message' | 'yes' | 'scope' | 'grace' | 'complete';

const WAITING: readonly Fitted[] = ['timeout', 'message', 'scope', 'grace', 'complete', ...OF_A_RUN];
const LOOKING: readonly Fitted[] = ['scope'];
const PRINTING: readonly Fitted[] = ['scope', 'complete'];
const ENDING: readonly Fitted[] = ['scope', 'yes', 'grace'];

/** Which of the options that not every deed goes by each of them does. */
const FITTING: Readonly<Record<Deed, readonly Fitted[]>> = {
  run: WAITING,
  wait: WAITING,
  follow: WAITING,
  detach: ['scope', 'grace', ...OF_A_RUN],
  peek: LOOKING,
  active: LOOKING,
  stdout: PRINTING,
  stderr: PRINTING,
  exitCode: LOOKING,
  history: LOOKING,
  stop: ENDING,
  reset: ENDING,
  clean: ['yes', 'grace'],
  ls: [],
};

const ALL: readonly Fitted[] = [...WAITING, 'yes'];

/** @throws {CliError} naming the first option of a call that would be of no effect, and why. */
export function refuseIneffective(call: OnceCall): void {
  for (const name of ALL) {
    const why = call.flags[name] === undefined ? undefined : problemWith(name, call);
    if (why === undefined) continue;
    const where = call.deed === 'run' ? '' : `, got it with ${deedWord(call.deed)}`;
    throw new CliError(exitCodes.failure, 'HOLDFAST_INPUT', `--${dashed(name)} ${why}${where}`);
  }
}

function problemWith(name: Fitted, { deed, words, flags }: OnceCall): string | undefined {
  if (!FITTING[deed].includes(name)) return 'has no effect here';
  if (words.length === 0 && (OF_A_RUN as readonly string[]).includes(name)) {
    return 'needs a COMMAND after --: only a run that is started goes by it';
  }
  if (name === 'grace' && words.length === 0 && flags.stop !== true)
    return 'goes with a COMMAND, or with --stop';
  return name === 'yes' && flags.stop !== true ? 'goes with --stop' : undefined;
}
