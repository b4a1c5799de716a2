import { holders as describeHolders, printable, shellWord } from '../../errors/describe.ts';
import { startInBackground } from '../../once/command/background.ts';
import type { News } from '../../once/command/news.ts';
import { onceCommand } from '../../once/hint.ts';
import { type Marks, marksOf } from '../../once/job.ts';
import { stateOf } from '../../once/state.ts';
import { Store } from '../../once/store.ts';
import { exitCodes } from '../exit-codes.ts';
import { printJson } from '../output/json.ts';
import { note } from '../output/text.ts';
import { type OnceCall, wordsOf } from './options.ts';
import { commandOptions, type Task, taskOfCall } from './task.ts';

type Told = Exclude<News, { event: 'error' }>;

/** `--detach`: starts it in the background, and says what became of that. */
export async function detach(call: OnceCall): Promise<void> {
  const { id, flags } = call;
  const task = taskOfCall(call);
  const before = marksOf(task.store);
  const options = await commandOptions(call);
  const news = await startInBackground({ ...options, id, words: wordsOf(call), before });
  const state = stateAfter(news, task, before);
  if (flags.json === true) printJson({ id, state });
  else if (flags.quiet !== true) note(`${printable(id)} ${inWords(state, news, call, task)}`);
  process.exitCode = exitCodes.success;
}

type State = 'running' | 'waiting' | 'finished';

/** `waiting`: for its turn. Who waits for the very command has its outcome as soon as that is on record. */
export function stateAfter({ event }: Told, { id, place, store }: Task, before: Marks): State {
  if (event !== 'waiting') return event === 'end' ? 'finished' : 'running';
  if (stateOf(id, place, store).name === 'running') return 'running';
  const { success, failure } = marksOf(store);
  return success !== before.success || failure !== before.failure ? 'finished' : 'waiting';
}

function inWords(state: State, { event }: Told, { id, words }: OnceCall, task: Task): string {
  if (state === 'finished') return 'is finished already';
  const command = state === 'waiting' ? ` -- ${words.map(shellWord).join(' ')}` : ''; // else that would be the other one
  const [follow, wait] = ['--follow', '--wait'].map((flag) => onceCommand(flag, id, task.place) + command);
  const next = `Follow: ${follow} · wait: ${wait}`;
  if (state === 'waiting') return `waits for ${whatItWaitsFor(task)}, and then runs. ${next}`;
  return `${event === 'waiting' ? 'is being run already' : 'runs in the background'}. ${next}`;
}

/** The run of another command, unless that is just over, or whoever has the lock runs none. */
function whatItWaitsFor({ id, place, store }: Task): string {
  const { holders } = place.locks.inspect({ name: place.lock });
  if (holders.length === 0) return 'its turn';
  const isOfAnother = stateOf(id, place, new Store(store.directory, id, 'any')).name === 'running';
  return `${isOfAnother ? 'the run of another command, by' : 'its lock, held by'} ${describeHolders(holders)}`;
}
