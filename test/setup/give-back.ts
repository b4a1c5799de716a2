import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { setImmediate } from 'node:timers/promises';
import { afterAll, beforeAll } from 'vitest';
import { allCohorts } from '../../src/lock/cohort.ts';

/** What is let go of at the end of a test is closed within so many turns of the event loop. */
const TURNS = 100;
const SHOWN = 10;

let before: readonly string[] = [];

beforeAll(() => {
  before = openFiles();
});

/**
 * Files of pure tests share their modules and their process, so a lock that one of them leaves held would be listed among
 * those of the next one's thread. What is left at a file's end is given back, from the end of each line. What stays open
 * even then belongs to no lock that anybody could release: the file fails.
 */
afterAll(async () => {
  giveBack();
  let left = leftOpen();
  for (let turn = 0; turn < TURNS && left.length > 0; turn++) {
    await setImmediate();
    left = leftOpen();
  }
  if (left.length === 0) return;
  throw new Error(`The tests of this file left ${left.length} open: ${left.slice(0, SHOWN).join(', ')}`);
});

function giveBack(): void {
  for (const cohort of allCohorts()) {
    for (const pending of [...cohort.queue].reverse()) cohort.withdraw(pending);
    for (const member of [...cohort.members]) {
      member.grant.release();
      cohort.leave(member);
    }
  }
}

const leftOpen = () => openFiles().filter((file) => !before.includes(file));

/** The descriptors of this process on files of tests, and its watches. None is known where there is no /proc. */
function openFiles(): string[] {
  if (!existsSync('/proc/self/fd')) return [];
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    const file = quietly(() => readlinkSync(`/proc/self/fd/${fd}`));
    if (file === 'anon_inode:inotify') return watchesOf(fd);
    return [tmpdir(), '/dev/shm'].some((place) => file.startsWith(`${place}/`)) ? [`${fd} on ${file}`] : [];
  });
}

/** A line of the kernel's for each, which names the inode. */
function watchesOf(fd: string): string[] {
  return quietly(() => readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1')).match(/^inotify wd:.*$/gm) ?? [];
}

/** Empty for a descriptor that has been closed meanwhile, as that of the listing itself. */
function quietly(read: () => string): string {
  try {
    return read();
  } catch {
    return '';
  }
}
