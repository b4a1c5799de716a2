// What tests leave behind when they are killed: processes, in whatever group or session, and mounts.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

/** The environment variable that every process of a run inherits; its value is the run's directory. */
export const MARK = 'HOLDFAST_MUTATE';

const PATIENCE = 20_000;
const PAUSE = 20;

/**
 * Ends every process that has this directory in `MARK` or works in it, takes off what is mounted in it, and empties it. On
 * Linux only: elsewhere nothing tells of the processes of others. @throws when something stays.
 *
 * @param {string} directory
 */
export async function clearAway(directory) {
  for (const deadline = performance.now() + PATIENCE; ; await pause(PAUSE)) {
    const pids = processesOf(directory); // again and again: one may start another while it is looked for
    const points = mountsIn(directory);
    if (pids.length === 0 && points.length === 0) break;
    if (performance.now() > deadline) {
      throw new Error(`Still there: processes ${pids.join(', ')}; mounts ${points.join(', ')}`);
    }
    for (const pid of pids) killQuietly(pid);
    // The last one first, lazily: a process that is only just dying may have a file open there.
    for (const point of points.reverse()) spawnSync('umount', ['--lazy', point]);
  }
  for (const name of readdirSync(directory)) rmSync(join(directory, name), { recursive: true, force: true });
}

/** @param {string} directory @returns {number[]} */
function processesOf(directory) {
  const mark = `\0${MARK}=${directory}\0`;
  return listed('/proc')
    .map(Number)
    .filter((pid) => pid > 0 && pid !== process.pid)
    .filter((pid) => {
      const environment = quietly(() => readFileSync(`/proc/${pid}/environ`, 'latin1'));
      const cwd = quietly(() => readlinkSync(`/proc/${pid}/cwd`));
      return `\0${environment}\0`.includes(mark) || `${cwd}/`.startsWith(`${directory}/`);
    });
}

/** In the order in which they were mounted. @param {string} directory @returns {string[]} */
function mountsIn(directory) {
  return quietly(() => readFileSync('/proc/self/mountinfo', 'utf8'))
    .split('\n')
    .map((line) => unescaped(line.split(' ')[4] ?? ''))
    .filter((point) => point.startsWith(`${directory}/`));
}

/** The kernel writes blanks and the like as octal numbers. @param {string} point */
function unescaped(point) {
  return point.replace(/\\([0-7]{3})/g, (_, octal) => String.fromCharCode(Number.parseInt(octal, 8)));
}

/** @param {string} directory */
function listed(directory) {
  try {
    return readdirSync(directory);
  } catch {
    return []; // not Linux
  }
}

/** Empty for a process that has just ended, or where there is no such file. @param {() => string} read */
function quietly(read) {
  try {
    return read();
  } catch {
    return '';
  }
}

/** @param {number} pid */
function killQuietly(pid) {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
}
