import { holders as describeHolders, printable, shellWord } from '../../errors/describe.ts';
import { startInBackground } from '../../once/command/background.ts';
import type { News } from '../../once/command/news.ts';
import { onceCommand } from '../../once/hint.ts';
import { exitCodes } from '../exit-codes.ts';
import { printJson } from '../output/json.ts';
import { note } from '../output/text.ts';
import { type OnceCall, wordsOf } from './options.ts';
import { commandOptions, type Task, taskOfCall } from './task.ts';

type Told = Exclude<News, { event: 'error' }>;

/** `--detach`: starts it in the background, and says what became of that. */
export async function detach(call: OnceCall): Promise<void> {
  const { id, flags } = call;
  const news = await startInBackground({ ...(await commandOptions(call)), id, words: wordsOf(call) });
  const task = taskOfCall(call);
  const state = stateAfter(news, task);
  if (flags.json === true) printJson({ id, state });
  else if (flags.quiet !== true) note(`${printable(id)} ${inWords(state, news, call, task)}`);
  process.exitCode = exitCodes.success;
}

/** `waiting`: for the run of another command, whose outcome is none of this one. */
function stateAfter({ event }: Told, { store }: Task): 'running' | 'waiting' | 'finished' {
  if (event === 'end') return 'finished';
  const current = store.current();
  const isOfAnother = event === 'waiting' && !(current !== undefined && store.counts(current));
  return isOfAnother ? 'waiting' : 'running';
}

function inWords(
  state: ReturnType<typeof stateAfter>,
  { event }: Told,
  { id, words }: OnceCall,
  { place }: Task,
): string {
  if (state === 'finished') return 'is finished already';
  const command = state === 'waiting' ? ` -- ${words.map(shellWord).join(' ')}` : ''; // else that would be the other one
  const [follow, wait] = ['--follow', '--wait'].map((flag) => onceCommand(flag, id, place) + command);
  const next = `Follow: ${follow} · wait: ${wait}`;
  if (state === 'running') {
    return `${event === 'waiting' ? 'is being run already' : 'runs in the background'}. ${next}`;
  }
  const { holders } = place.locks.inspect({ name: place.lock });
  return `waits for the run of another command, by ${describeHolders(holders)}, and then runs. ${next}`;
}
