import {
  closeSync,
  constants,
  copyFileSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { systemCode } from '../../errors/base.ts';
import { fsyncDirectory } from '../../storage/fs/sync-directory.ts';
import { Date } from '../../time/time.ts';
import { attempt, type Check, median, monotonic, span } from './check.ts';

const SYNCS = 5;
const SLOW_SYNC_MS = 100;
const LONGEST_NAME = 255;
/** A name's lock file, and the directory in which its permits are counted. */
const NEEDED_NAME = 75;
const LITTLE_SPACE = 1024 * 1024;
const MOST_SKEW_MS = 2000;

type Finding = Omit<Check, 'name'>;

/** What one process can find out about the files of a directory. */
export async function checkFiles(scratch: string): Promise<Check[]> {
  return [
    await attempt('space', () => space(scratch)),
    await attempt('atomic rename', () => rename(scratch)),
    await attempt('hard links', () => hardLinks(scratch)),
    await attempt('reflinks', () => reflinks(scratch)),
    await attempt('fsync', () => sync(scratch)),
    await attempt('file names', () => names(scratch)),
    await attempt('clock', () => clock(scratch)),
  ];
}

function space(scratch: string): Finding {
  const { bavail, blocks, bsize, ffree, files } = statfsSync(scratch);
  if (blocks === 0) return { mark: 'note', says: 'the file system does not tell' };
  const bytes = bavail * bsize;
  const free = `${(bytes / 1024 ** 2).toLocaleString('en', { maximumFractionDigits: 0 })} MiB free`;
  const next = 'Free some space: without it, locks are granted without a record of who holds them.';
  if (bytes < LITTLE_SPACE) return { mark: 'warn', says: `the disk is full, or nearly so (${free})`, next };
  if (files > 0 && ffree === 0) return { mark: 'warn', says: 'no inodes are left for new files', next };
  return { mark: 'ok', says: free };
}

function rename(scratch: string): Finding {
  const [from, to] = [join(scratch, 'new'), join(scratch, 'old')];
  writeFileSync(to, 'old');
  writeFileSync(from, 'new');
  renameSync(from, to);
  if (readFileSync(to, 'utf8') === 'new') return { mark: 'ok', says: 'a file is replaced in one step' };
  return { mark: 'fail', says: 'a file that was renamed over another did not replace it', next: NOT_HERE };
}

function hardLinks(scratch: string): Finding {
  const [from, to] = [join(scratch, 'one'), join(scratch, 'two')];
  writeFileSync(from, '');
  try {
    linkSync(from, to);
  } catch (error) {
    if (systemCode(error) === 'ENOSPC') throw error;
    const next = "The portable engine needs layout: 'directory' here; that of the kernel needs no links.";
    return { mark: 'note', says: `there are none (${systemCode(error)})`, next };
  }
  try {
    linkSync(from, to);
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') {
      return { mark: 'fail', says: `a taken name gave ${systemCode(error)}`, next: NOT_HERE };
    }
    const { nlink } = statSync(from);
    if (nlink === 2) return { mark: 'ok', says: 'made once, and refused when taken' };
    return { mark: 'note', says: `refused when taken; but of a file with two names it says ${nlink}` };
  }
  return { mark: 'fail', says: 'a link replaced what was there', next: NOT_HERE };
}

function reflinks(scratch: string): Finding {
  const from = join(scratch, 'large');
  writeFileSync(from, Buffer.alloc(4096, 1));
  try {
    copyFileSync(from, join(scratch, 'copy'), constants.COPYFILE_FICLONE_FORCE);
    return { mark: 'ok', says: 'copies share their data' };
  } catch (error) {
    if (systemCode(error) === 'ENOSPC') throw error;
    return { mark: 'note', says: `there are none (${systemCode(error)}): copies take time and space` };
  }
}

function sync(scratch: string): Finding {
  const times: number[] = [];
  for (let turn = 0; turn < SYNCS; turn++) {
    const path = join(scratch, `synced-${turn}`);
    const began = monotonic();
    const fd = openSync(path, 'w');
    try {
      writeSync(fd, Buffer.alloc(4096));
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    syncNames(scratch);
    times.push(monotonic() - began);
  }
  const says = `${span(median(times))} for a file and its directory (median of ${SYNCS})`;
  if (median(times) < SLOW_SYNC_MS) return { mark: 'ok', says };
  return { mark: 'warn', says, next: 'Reading lock.token and writing results takes as long, now and then.' };
}

/** Windows opens no directories, and keeps them whole by itself. */
function syncNames(path: string): void {
  try {
    fsyncDirectory(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).syscall !== 'open') throw error;
  }
}

function names(scratch: string): Finding {
  const folder = join(scratch, 'names');
  mkdirSync(folder);
  let [possible, impossible] = [0, LONGEST_NAME + 1];
  for (
    let length = LONGEST_NAME;
    possible + 1 < impossible;
    length = Math.floor((possible + impossible) / 2)
  ) {
    if (canBeNamed(join(folder, 'n'.repeat(length)))) possible = length;
    else impossible = length;
  }
  if (possible === LONGEST_NAME) return { mark: 'ok', says: `up to ${LONGEST_NAME} bytes` };
  const says = `up to ${possible} bytes, of ${LONGEST_NAME} elsewhere`;
  if (possible < NEEDED_NAME)
    return { mark: 'fail', says: `${says}: too short for lock files`, next: NOT_HERE };
  return { mark: 'warn', says, next: 'Data files with long names cannot be locked here.' };
}

function canBeNamed(path: string): boolean {
  try {
    writeFileSync(path, '', { flag: 'wx' });
    rmSync(path);
    return true;
  } catch (error) {
    if (['ENAMETOOLONG', 'EINVAL', 'ENOENT'].includes(systemCode(error) ?? '')) return false;
    throw error;
  }
}

function clock(scratch: string): Finding {
  const path = join(scratch, 'time');
  const before = Date.now();
  writeFileSync(path, '');
  const { mtimeMs } = statSync(path);
  const skew = mtimeMs < before ? before - mtimeMs : Math.max(0, mtimeMs - Date.now());
  if (skew <= MOST_SKEW_MS) return { mark: 'ok', says: 'that of the files agrees with that of this machine' };
  const says = `files are dated ${span(skew)} ${mtimeMs < before ? 'early' : 'late'}, by another machine's clock`;
  return {
    mark: 'warn',
    says,
    next: 'No lock depends on it, but times in listings mislead. Let both machines use NTP.',
  };
}

const NOT_HERE = 'Keep no locks here, but on a local disk (HOLDFAST_HOME, --directory).';
