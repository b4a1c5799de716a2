import { CliError } from '../cli-error.ts';
import { exitCodes } from '../exit-codes.ts';
import { openPrompt } from '../prompt.ts';

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
  const prompt = openPrompt();
  const answer = await new Promise<string>((resolve) => {
    prompt.on('close', () => resolve('')); // Ctrl-D
    prompt.question(`${question} [y/N] `, resolve);
  });
  prompt.close();
  return /^y(es)?$/i.test(answer.trim());
}
