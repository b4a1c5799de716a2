import { type ChildProcess, spawn } from 'node:child_process';
import type { Writable } from 'node:stream';
import type { ExactCommand } from './exact.ts';
import type { StartOptions } from './start-options.ts';

/** A shell need not understand a descriptor of more than one digit. */
const DIGITS = [3, 4, 5, 6, 7, 8, 9];

/** A shell that waits to be told which command to become. */
export interface Listener {
  readonly process: ChildProcess;
  /** Tells it the command, which it becomes as the same process. */
  readonly dictate: (command: ExactCommand) => void;
  /** It becomes nothing any more. */
  readonly dismiss: () => void;
}

/**
 * Starts a shell that reads one line, and becomes what it says: the system's `env` with nothing but the variables of the
 * command, and then the command. So the command gets its words and its environment byte for byte, of any number and
 * size that the system takes, with nothing that a shell adds or leaves out. The shell's own environment is empty.
 *
 * Nobody but this process can tell it the line. If this process dies before it has, the shell reads the end of its input
 * and ends.
 *
 * Undefined when no descriptor is free to keep the command's own input under meanwhile.
 */
export function startListener(options: StartOptions): Listener | undefined {
  const { stdio } = options;
  const digit = DIGITS.find((fd) => stdio[fd] === undefined || stdio[fd] === 'ignore');
  if (digit === undefined) return undefined;
  const input = stdio[0] === 'ignore' ? '</dev/null' : `<&${digit} ${digit}<&-`;
  const layout = [...stdio];
  while (layout.length < digit) layout.push('ignore');
  if (stdio[0] !== 'ignore') layout[digit] = 0;
  layout[0] = 'pipe';
  const shell = spawn('/bin/sh', ['-s'], { ...options, env: {}, stdio: layout });
  const line = shell.stdin as Writable | null;
  line?.on('error', () => {}); // EPIPE: it was killed, and its end is told
  return {
    process: shell,
    dictate: ({ words, env }) => {
      // Whole before it is obeyed: the shell has read all of it when the command's own input takes the place of this one.
      line?.end(joined([`{ exec ${input}; exec`, ...quoted(becoming(words, env)), '; }\n']));
    },
    dismiss: () => {
      line?.destroy();
      shell.kill('SIGKILL');
    },
  };
}

/** A first word with `=` would be a variable to env(1). There a shell stands between, and drops names it could not write. */
function becoming(words: ExactCommand['words'], env: readonly Buffer[]): Buffer[] {
  const shell = words[0].includes('=') ? ['/bin/sh', '-c', 'exec "$0" "$@"'] : [];
  return [...['/usr/bin/env', '-i'].map(toBytes), ...env, ...shell.map(toBytes), ...words];
}

function toBytes(text: string): Buffer {
  return Buffer.from(text);
}

const QUOTE = Buffer.from("'");
const QUOTED_QUOTE = Buffer.from("'\\''");

function quoted(words: readonly Buffer[]): Buffer[] {
  return words.map((word) => {
    const parts: Buffer[] = [QUOTE];
    for (let at = 0; ; ) {
      const next = word.indexOf(QUOTE, at);
      parts.push(word.subarray(at, next < 0 ? word.length : next), next < 0 ? QUOTE : QUOTED_QUOTE);
      if (next < 0) return Buffer.concat(parts);
      at = next + 1;
    }
  });
}

function joined(parts: readonly (Buffer | string)[]): Buffer {
  return Buffer.concat(parts.flatMap((part) => [Buffer.from(part), Buffer.from(' ')]).slice(0, -1));
}
