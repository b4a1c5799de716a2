import { holders as describeHolders, printable, shellWord } from '../../errors/describe.ts';
import { startInBackground } from '../../once/command/background.ts';
import type { News } from '../../once/command/news.ts';
import { onceCommand } from '../../once/hint.ts';
import { digestOf } from '../../once/inputs.ts';
import { type Marks, marksOf } from '../../once/job.ts';
import { stateOf } from '../../once/state.ts';
import { exitCodes } from '../exit-codes.ts';
import { printJson } from '../output/json.ts';
import { note } from '../output/text.ts';
import { type OnceCall, wordsOf } from './options.ts';
import { commandOptions, type Task, taskOfCall } from './task.ts';
import { runUnderWay } from './under-way.ts';

type Told = Exclude<News, { event: 'error' }>;

/** `--detach`: starts it in the background, and says what became of that. */
export async function detach(call: OnceCall): Promise<void> {
  const { id, flags } = call;
  const task = taskOfCall(call);
  const before = marksOf(task.store);
  const options = await commandOptions(call);
  const inputs = await digestOf(options.inputs);
  const news = await startInBackground({ ...options, id, words: wordsOf(call), before });
  const state = stateAfter(news, task, before, inputs);
  if (flags.json === true) printJson({ id, state });
  else if (flags.quiet !== true) note(`${printable(id)} ${inWords(state, news, call, { task, inputs })}`);
  process.exitCode = exitCodes.success;
}

type State = 'running' | 'waiting' | 'finished';

/**
 * `waiting`: for its turn. Who waits for the very command, with these inputs, has its outcome as soon as that is on record.
 */
export function stateAfter(
  { event }: Told,
  { id, place, store }: Task,
  before: Marks,
  inputs: string | null,
): State {
  if (event !== 'waiting') return event === 'end' ? 'finished' : 'running';
  const { name, current } = stateOf(id, place, store);
  if (name === 'running' && (current?.inputs ?? null) === inputs) return 'running';
  const isShared = store
    .outcomes()
    .some(({ header }) => header.inputs === inputs && ![before.success, before.failure].includes(header.id));
  return isShared ? 'finished' : 'waiting';
}

function inWords(
  state: State,
  { event }: Told,
  { id, words, flags }: OnceCall,
  { task, inputs }: { readonly task: Task; readonly inputs: string | null },
): string {
  if (state === 'finished') return 'is finished already';
  const patterns = flags.inputs === undefined ? [] : ['--inputs', ...flags.inputs];
  // Without its command and inputs, that would be another run.
  const command = state === 'waiting' ? ` ${[...patterns, '--', ...words].map(shellWord).join(' ')}` : '';
  const [follow, wait] = ['--follow', '--wait'].map((flag) => onceCommand(flag, id, task.place) + command);
  const next = `Follow: ${follow} · wait: ${wait}`;
  if (state === 'waiting') return `waits for ${whatItWaitsFor(task, inputs)}, and then runs. ${next}`;
  return `${event === 'waiting' ? 'is being run already' : 'runs in the background'}. ${next}`;
}

/** The run of another command, or of other inputs, unless that is just over, or whoever has the lock runs none. */
function whatItWaitsFor(task: Task, inputs: string | null): string {
  const { place } = task;
  const { holders } = place.locks.inspect({ name: place.lock });
  if (holders.length === 0) return 'its turn';
  const by = describeHolders(holders);
  const run = runUnderWay(task, inputs);
  return run === undefined || run === 'own' ? `its lock, held by ${by}` : `${run}, by ${by}`;
}
