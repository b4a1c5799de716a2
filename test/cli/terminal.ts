import { type Child, fixture } from '../support/child.ts';
import type { Cli } from './cli.ts';

export const SHELLS = ['bash', 'dash'] as const;
export type Shell = (typeof SHELLS)[number];

/** What is typed to have the terminal send a signal. */
export const CTRL_C = '\u0003';
export const CTRL_Z = '\u001a';
export const CTRL_D = '\u0004';

/** A script in a shell whose controlling terminal is its own. */
export function scriptOnTerminal(
  cli: Cli,
  shell: Shell,
  script: string,
  args: readonly string[] = [],
): Child {
  return cli.program('python3', [fixture('cli-pty.py'), shell, '-c', script, shell, ...args]);
}

/** A shell with job control, to which lines are typed. It shows no prompt. */
export function interactive(cli: Cli, shell: Shell): Child {
  const options = shell === 'bash' ? ['--norc', '--noprofile', '--noediting', '-i'] : ['-i'];
  const env = { PS1: '', ENV: undefined, PROMPT_COMMAND: undefined };
  return cli.program('python3', [fixture('cli-pty.py'), shell, ...options], { env });
}
