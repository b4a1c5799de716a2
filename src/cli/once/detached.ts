import { printable } from '../../errors/describe.ts';
import { startInBackground } from '../../once/command/background.ts';
import { onceCommand } from '../../once/hint.ts';
import { exitCodes } from '../exit-codes.ts';
import { printJson } from '../output/json.ts';
import { note } from '../output/text.ts';
import { type OnceCall, wordsOf } from './options.ts';
import { commandOptions, taskOfCall } from './task.ts';

/** `--detach`: starts it in the background, and says what became of that. */
export async function detach(call: OnceCall): Promise<void> {
  const { id, flags } = call;
  const news = await startInBackground({ ...(await commandOptions(call)), id, words: wordsOf(call) });
  if (flags.json === true) {
    printJson({ id, state: STATES[news.event] });
  } else if (flags.quiet !== true) {
    const name = printable(id);
    const { place } = taskOfCall(call);
    const next = `Follow: ${onceCommand('--follow', id, place)} · wait: ${onceCommand('--wait', id, place)}`;
    note(news.event === 'end' ? `${name} is finished already` : `${name} ${WORDS[news.event]}. ${next}`);
  }
  process.exitCode = exitCodes.success;
}

const STATES = { running: 'running', waiting: 'running', end: 'finished' } as const;
const WORDS = { running: 'runs in the background', waiting: 'is being run already' } as const;
