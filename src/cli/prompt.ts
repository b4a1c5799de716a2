import { createInterface, type Interface } from 'node:readline';
import { endBySignal } from '../command/signals/end.ts';

/**
 * Reads answers line by line, so that any keyboard, and any program that reads a terminal aloud, will do. Ctrl-D closes it;
 * Ctrl-C ends this process as it ends any other, so that a shell leaves its loop.
 */
export function openPrompt(): Interface {
  const prompt = createInterface({ input: process.stdin, output: process.stderr });
  prompt.on('SIGINT', () => {
    prompt.close(); // the terminal is as it was before
    process.stderr.write('\n');
    endBySignal('SIGINT');
  });
  return prompt;
}
