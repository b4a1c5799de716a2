import { exitCodes } from '../exit-codes.ts';
import { CliError } from '../report.ts';
import { type Deed, dashed, deedWord, type OnceCall } from './options.ts';

/** What a run is made with: of no effect where none is started. */
const OF_A_RUN = ['ttl', 'failureTtl', 'validate', 'inputs', 'attempts'] as const;

type Fitted = (typeof OF_A_RUN)[number] | 'timeout' | 'message' | 'yes' | 'scope';

const WAITING: readonly Fitted[] = ['timeout', 'message', 'scope', ...OF_A_RUN];
const LOOKING: readonly Fitted[] = ['scope'];
const ENDING: readonly Fitted[] = ['scope', 'yes'];

/** Which of the options that not every deed goes by each of them does. */
const FITTING: Readonly<Record<Deed, readonly Fitted[]>> = {
  run: WAITING,
  wait: WAITING,
  follow: WAITING,
  detach: ['scope', ...OF_A_RUN],
  peek: LOOKING,
  active: LOOKING,
  stdout: LOOKING,
  stderr: LOOKING,
  exitCode: LOOKING,
  history: LOOKING,
  stop: ENDING,
  reset: ENDING,
  clean: ['yes'],
  ls: [],
};

const ALL: readonly Fitted[] = [...WAITING, 'yes'];

/** @throws {CliError} naming the first option of a call that would be of no effect, and why. */
export function refuseIneffective(call: OnceCall): void {
  for (const name of ALL) {
    const why = call.flags[name] === undefined ? undefined : problemWith(name, call);
    if (why === undefined) continue;
    const where = call.deed === 'run' ? '' : `, got it with ${deedWord(call.deed)}`;
    throw new CliError(exitCodes.failure, `--${dashed(name)} ${why}${where}`);
  }
}

function problemWith(name: Fitted, { deed, words, flags }: OnceCall): string | undefined {
  if (!FITTING[deed].includes(name)) return 'is of no effect here';
  if (words.length === 0 && (OF_A_RUN as readonly string[]).includes(name)) {
    return 'needs a COMMAND behind --: only a run that is started goes by it';
  }
  return name === 'yes' && flags.stop !== true ? 'goes with --stop' : undefined;
}
