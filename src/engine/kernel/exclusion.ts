import { randomBytes } from 'node:crypto';
import { constants, openSync } from 'node:fs';
import { constants as os } from 'node:os';
import { join } from 'node:path';
import { BindingError } from '../../binding/index.ts';
import { systemCode } from '../../errors/base.ts';
import { O_NOFOLLOW, O_TMPFILE } from '../../storage/fs/open-flags.ts';
import { closeQuietly, unlinkQuietly } from '../../storage/fs/quietly.ts';
import { errnoName } from './lock-file.ts';
import { syscalls } from './syscalls/index.ts';
import type { Syscalls } from './syscalls/syscalls.ts';

const { O_RDWR, O_CREAT, O_EXCL } = constants;
const { EWOULDBLOCK, ENOMEM } = os.errno;

/** What a real trial says about the kernel's lock in a directory. */
export interface Exclusion {
  /**
   * `excludes`: the second of two descriptors was kept out. `ignored`: both got an exclusive lock. `refused`: the system
   * gives no lock there. `missing`: there is no way to ask for one. `untested`: no file could be made to try it with.
   */
  readonly verdict: 'excludes' | 'ignored' | 'refused' | 'missing' | 'untested';
  readonly detail: string;
  /** What to do where a lock is missing that this platform has: the program was put together without its binding. */
  readonly cure?: string;
}

/**
 * Tries whether two open files of one inode exclude each other in this directory, which is what a kernel lock rests on.
 * Takes some 20 microseconds, with a file that has no name where the system can make one. Says nothing about other machines that may have mounted the same file system.
 */
export function tryExclusion(directory: string): Exclusion {
  let system: Syscalls;
  try {
    system = syscalls();
  } catch (error) {
    const reason = error instanceof Error ? error.message.split('\n')[0] : String(error);
    const { cure, lack } = error instanceof BindingError ? error : {};
    if (lack !== undefined)
      return { verdict: 'untested', detail: `nothing could be opened to try it with (${lack})` };
    const detail = `there is no way to ask the kernel for a lock: ${reason}`;
    return { verdict: 'missing', detail, ...(cure === undefined ? {} : { cure }) };
  }
  let trial: Trial;
  try {
    trial = openTwice(directory);
  } catch (error) {
    return { verdict: 'untested', detail: `no file could be made to try it with (${systemCode(error)})` };
  }
  try {
    return judge(system.lock(trial.first, 'exclusive'), () => system.lock(trial.second, 'exclusive'));
  } finally {
    trial.end();
  }
}

function judge(first: number, second: () => number): Exclusion {
  const result = first === 0 ? second() : first;
  if (result === -EWOULDBLOCK) return { verdict: 'excludes', detail: 'two descriptors exclude each other' };
  if (result === 0) return { verdict: 'ignored', detail: 'two descriptors got the same exclusive lock' };
  if (result === -ENOMEM) return { verdict: 'untested', detail: 'no memory for a lock (ENOMEM)' };
  return { verdict: 'refused', detail: `flock says ${errnoName(-result)}` };
}

/** Two open files of one inode that nobody else has. */
interface Trial {
  readonly first: number;
  readonly second: number;
  end(): void;
}

function openTwice(directory: string): Trial {
  return withoutName(directory) ?? underPassingName(directory);
}

function withoutName(directory: string): Trial | undefined {
  try {
    const first = openSync(directory, O_RDWR | O_TMPFILE, 0o600);
    return openAgain(first, `/proc/self/fd/${first}`, () => {});
  } catch {
    return undefined;
  }
}

/** A name that was never used, and is gone after the trial; of one that was killed there, an empty file stays. */
function underPassingName(directory: string): Trial {
  const path = join(directory, `.holdfast-trial-${randomBytes(8).toString('hex')}`);
  const first = openSync(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
  return openAgain(first, path, () => unlinkQuietly(path));
}

function openAgain(first: number, path: string, remove: () => void): Trial {
  const close = (...descriptors: number[]) => {
    for (const fd of descriptors) closeQuietly(fd);
    remove();
  };
  try {
    const second = openSync(path, O_RDWR);
    return { first, second, end: () => close(first, second) };
  } catch (error) {
    close(first);
    throw error;
  }
}
