import { createInterface } from 'node:readline/promises';
import { CliError } from '../cli-error.ts';
import { exitCodes } from '../exit-codes.ts';

/**
 * Asks on the terminal; only `y` and `yes` agree.
 *
 * @throws {CliError} when there is no terminal to ask on.
 */
export async function confirm(question: string): Promise<boolean> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    throw new CliError(
      exitCodes.failure,
      'HOLDFAST_UNCONFIRMED',
      'there is no terminal to ask on; pass --yes to go ahead',
    );
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await new Promise<string>((resolve) => {
    terminal.on('close', () => resolve('')); // Ctrl-D and Ctrl-C
    terminal.question(`${question} [y/N] `).then(resolve, () => resolve(''));
  });
  terminal.close();
  return /^y(es)?$/i.test(answer.trim());
}
