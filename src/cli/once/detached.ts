import { printable } from '../../errors/describe.ts';
import { onceCommand } from '../../once/hint.ts';
import { exitCodes } from '../exit-codes.ts';
import { printJson } from '../output/json.ts';
import { note } from '../output/text.ts';
import { CliError } from '../report.ts';
import type { News } from './background.ts';
import type { OnceCall } from './options.ts';
import { taskOfCall } from './task.ts';

/** Says what became of a start in the background. */
export function reportDetached(call: OnceCall, news: News): void {
  const { id, flags } = call;
  if (news.event === 'error') throw new CliError(news.exitCode, news.message);
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
