import { readdirSync, readlinkSync } from 'node:fs';
import { closeQuietly } from '../storage/fs/quietly.ts';
import { statOrNothing } from '../storage/fs/stat.ts';
import { debuggerSockets } from './debugger.ts';

const OWN_DIRECTORY = '/proc/self/fd';

/**
 * The descriptors above 2 that this process was started with, such as the 3 of `3>log`.
 *
 * Node.js opens its own among them, so they are told apart by their kind: event queues and counters are Node's, and so are
 * the sockets of its debugger, and a pipe of which both ends are here, unless make(1) says that it is its jobserver. Call it
 * before anything else is opened. Empty on systems that do not list descriptors.
 */
export function inheritedDescriptors(env: NodeJS.ProcessEnv = process.env): number[] {
  const links = new Map(listed().map((fd) => [fd, linkOf(fd)]));
  const uses = new Map<string, number>();
  for (const link of links.values()) uses.set(link, (uses.get(link) ?? 0) + 1);
  const jobserver =
    /--jobserver-(?:auth|fds)=(\d+),(\d+)/
      .exec(env.MAKEFLAGS ?? '')
      ?.slice(1)
      .map(Number) ?? [];
  const isAnySocket = [...uses.keys()].some((link) => link.startsWith('socket:'));
  const ofDebugger = isAnySocket ? debuggerSockets() : [];
  return [...links]
    .filter(([fd, link]) => {
      if (link === '' || link.startsWith('anon_inode:') || ofDebugger.includes(link)) return false;
      return !link.startsWith('pipe:') || uses.get(link) === 1 || jobserver.includes(fd);
    })
    .map(([fd]) => fd);
}

/**
 * Closes them, but for one, in a process that was started to have none of them. Node.js marks most of those of the starter
 * close-on-exec, but stops looking at the first gap above 15. Call it where nothing else was opened, as above.
 */
export function closeInherited(kept: number): void {
  for (const fd of inheritedDescriptors()) if (fd !== kept) closeQuietly(fd);
}

/** Closes those that lead to a file, so that this process carries no lock of it on. Call it as above. */
export function closeInheritedOf(path: string): void {
  const file = statOrNothing(path);
  for (const fd of inheritedDescriptors()) {
    const found = statOrNothing(`${OWN_DIRECTORY}/${fd}`);
    if (found !== undefined && found.ino === file?.ino && found.dev === file.dev) closeQuietly(fd);
  }
}

function listed(): number[] {
  try {
    return readdirSync(OWN_DIRECTORY)
      .map(Number)
      .filter((fd) => fd > 2);
  } catch {
    return [];
  }
}

/** Empty for the descriptor that the listing itself used, which is closed by now. */
function linkOf(fd: number): string {
  try {
    return readlinkSync(`${OWN_DIRECTORY}/${fd}`);
  } catch {
    return '';
  }
}
