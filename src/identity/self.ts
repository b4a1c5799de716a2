import { userInfo } from 'node:os';
import { basename } from 'node:path';
import { threadId } from 'node:worker_threads';
import type { HolderRecord } from './holder.ts';
import { here, lookUp, recordOf } from './index.ts';

/** The record of this thread, made once: nothing in it changes while the process lives. */
export type SelfRecord = HolderRecord & {
  readonly pid: number;
  readonly boot: string;
  readonly command: string;
};

/** Characters of a command that a record has at most. */
const LONGEST_COMMAND = 500;

let cached: SelfRecord | undefined;
let command: string | undefined;

/** Has this process recorded as `line`, the command it runs on somebody's behalf. Call it before anything is locked. */
export function actFor(line: string): void {
  command = line;
  cached = undefined;
}

export function self(): SelfRecord {
  return (
    cached ??
    lookUp(describeSelf, (found) => {
      cached = found;
    })
  );
}

/** Whether a record is one of this very process, whichever of its threads left it; a copy of one was left by whoever copied it. */
export function isThisProcess({ pid, pidNamespace, boot, start, copy }: HolderRecord): boolean {
  if (pid !== process.pid || copy === true) return false;
  const own = self();
  return boot === own.boot && pidNamespace === own.pidNamespace && start === own.start;
}

function describeSelf(): SelfRecord {
  return {
    ...recordOf(process.pid),
    boot: here().boot,
    user: userName(),
    thread: threadId,
    command: cut(command ?? commandLine(process.argv)),
  };
}

/** A record is read by people, and stands in each line of the audit log. */
function cut(line: string): string {
  return line.length > LONGEST_COMMAND ? `${line.slice(0, LONGEST_COMMAND - 1)}…` : line;
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? 'unknown'); // a uid without an entry in the user database
  }
}

/** The command as its user typed it, as far as can be told: the script's name instead of the path of node. */
export function commandLine(argv: readonly string[]): string {
  const [node = 'node', script, ...rest] = argv;
  return [script === undefined ? basename(node) : basename(script), ...rest].join(' ');
}
