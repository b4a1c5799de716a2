import { existsSync, readFileSync } from 'node:fs';
import { setImmediate, setTimeout } from '../time/time.ts';

/** Milliseconds. Asking Node.js about debuggers takes some, for which a command that ends sooner need not wait. */
const LOOKED_AT_AFTER = 100;

/**
 * Until the first line of a program, a USR1 has Node.js open a port for debuggers: closes it, and takes the signal as if it
 * came now. What an option or NODE_OPTIONS may have opened stays as it is.
 */
export function closeUnwantedDebugger(): void {
  if (process.execArgv.length > 0 || (process.env.NODE_OPTIONS ?? '') !== '') return;
  const look = () => {
    if (debuggerUrl() === undefined) return;
    process.getBuiltinModule('node:inspector').close();
    process.kill(process.pid, 'SIGUSR1');
  };
  // Not in the timer itself: a wake-up of Node.js that is told later in that turn of the loop would open the port again.
  setTimeout(() => setImmediate(look), LOOKED_AT_AFTER).unref();
}

/** What Node.js listens with for debuggers, and what it has accepted: `socket:[inode]` of each (proc(5)). */
export function debuggerSockets(): string[] {
  const url = debuggerUrl();
  if (url === undefined) return [];
  const port = Number(new URL(url).port).toString(16).toUpperCase().padStart(4, '0');
  return ['/proc/self/net/tcp', '/proc/self/net/tcp6'].flatMap((table) => {
    const lines = existsSync(table) ? readFileSync(table, 'latin1').split('\n') : [];
    const fields = lines.map((line) => line.trim().split(/\s+/));
    return fields.filter(([, local]) => local?.endsWith(`:${port}`)).map((each) => `socket:[${each[9]}]`);
  });
}

function debuggerUrl(): string | undefined {
  try {
    return process.getBuiltinModule('node:inspector').url();
  } catch {
    return undefined; // a runtime without one
  }
}
