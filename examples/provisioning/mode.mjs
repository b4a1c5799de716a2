import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const execute = promisify(execFile);
const PROBE_BYTES = 1024 * 1024;

/**
 * How volumes are made here: `mount` where a loop file can be formatted and mounted, else `tar`. Found out by doing it.
 *
 * @typedef {'mount' | 'tar'} Mode
 * @param {string} data
 * @param {string | undefined} wish
 * @returns {Promise<{ mode: Mode, reason: string }>}
 */
export async function chooseMode(data, wish) {
  if (wish === 'mount' || wish === 'tar') return { mode: wish, reason: 'as asked' };
  if (wish !== undefined) throw new Error(`--mode must be mount or tar, got ${JSON.stringify(wish)}`);
  if (process.getuid?.() !== 0) return { mode: 'tar', reason: 'mounting needs root' };
  const place = await mkdtemp(join(data, 'probe-'));
  try {
    await mountAndUnmount(place);
    return { mode: 'mount', reason: 'root, and mounting works' };
  } catch (error) {
    return { mode: 'tar', reason: `root, but mounting fails: ${String(error).split('\n')[0]}` };
  } finally {
    await rm(place, { recursive: true });
  }
}

/** @param {string} place */
async function mountAndUnmount(place) {
  const image = join(place, 'image');
  const point = join(place, 'point');
  await mkdir(point);
  await writeFile(image, '');
  await truncate(image, PROBE_BYTES);
  await execute('mkfs.ext4', ['-q', '-F', image]);
  await execute('mount', ['-o', 'loop', image, point]);
  await execute('umount', [point]);
}
