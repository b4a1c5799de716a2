import { createWriteStream } from 'node:fs';
import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { run, step } from './steps.mjs';

/**
 * @typedef {import('./steps.mjs').Job} Job
 * @typedef {ReturnType<typeof placesIn>} Places
 */

/** @param {string} data */
export function placesIn(data) {
  return {
    /** A loop file with an ext4 file system (mode mount). */
    image: join(data, 'volume.img'),
    /** Where the image is mounted, or the archive's content is collected. */
    directory: join(data, 'volume'),
    /** The finished archive (mode tar). */
    archive: join(data, 'volume.tar'),
    unfinishedArchive: join(data, 'volume.tar.unfinished'),
  };
}

/**
 * Removes a volume, finished or not, of either mode. Safe to repeat: it looks at what is there and trusts no record.
 *
 * @param {Job} job
 * @returns {Promise<string[]>} what was there and is gone
 */
export async function clear(job) {
  const { image, directory, archive, unfinishedArchive } = placesIn(job.data);
  const cleared = [];
  while (await isMounted(directory)) {
    await step(job, 'unmount', () => run(job, 'umount', [directory]));
    cleared.push('mount');
  }
  for (const [name, path] of Object.entries({ image, directory, archive, unfinishedArchive })) {
    if ((await deviceOf(path)) === undefined) continue;
    await step(job, `remove ${name}`, () => rm(path, { recursive: true }));
    cleared.push(name);
  }
  return cleared;
}

/** @param {Job} job @returns {Promise<string>} where the content can be seen */
export async function mountImage(job) {
  const { image, directory } = placesIn(job.data);
  await step(job, 'allocate', () => allocate(image, job.size));
  await step(job, 'format', () => run(job, 'mkfs.ext4', ['-q', '-F', image]));
  await step(job, 'mount', async () => {
    await mkdir(directory);
    await run(job, 'mount', ['-o', 'loop', image, directory]);
  });
  await fill(job, directory);
  await step(job, 'sync', () => run(job, 'sync', ['-f', directory]));
  return directory;
}

/** @param {Job} job @returns {Promise<string>} the archive */
export async function packArchive(job) {
  const { directory, archive, unfinishedArchive } = placesIn(job.data);
  await step(job, 'collect', () => mkdir(directory));
  await fill(job, directory);
  await step(job, 'pack', () => run(job, 'tar', ['-cf', unfinishedArchive, '-C', directory, '.']));
  const { size } = await stat(unfinishedArchive);
  if (size > job.size) throw new Error(`the archive takes ${size} bytes, the volume has ${job.size}`);
  await step(job, 'publish', async () => {
    await sync(unfinishedArchive);
    await rename(unfinishedArchive, archive);
    await sync(job.data);
  });
  await step(job, 'remove directory', () => rm(directory, { recursive: true }));
  return archive;
}

/** @param {Job} job @param {string} directory */
async function fill(job, directory) {
  const marker = { worker: job.worker, token: job.lock.token, at: new Date().toISOString() };
  await step(job, 'mark', async () => {
    const file = await open(join(directory, 'marker.json'), 'wx');
    await file.writeFile(`${JSON.stringify(marker)}\n`);
    await file.close();
  });
  if (job.content !== '') await step(job, 'download', () => download(job, join(directory, 'content')));
}

/** @param {Job} job @param {string} path */
async function download({ content, signal }, path) {
  const response = await fetch(content, { signal });
  if (!response.ok || response.body === null) throw new Error(`${content} answered ${response.status}`);
  await pipeline(response.body, createWriteStream(path, { flags: 'wx' }), { signal });
}

/** @param {string} path @param {number} size */
async function allocate(path, size) {
  const file = await open(path, 'wx');
  try {
    await file.truncate(size);
  } finally {
    await file.close();
  }
}

/** @param {string} path */
async function sync(path) {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** A directory on another device than its parent is where something is mounted. @param {string} directory */
async function isMounted(directory) {
  const device = await deviceOf(directory);
  return device !== undefined && device !== (await deviceOf(dirname(directory)));
}

/** The device a file lies on; undefined when there is no such file. @param {string} path */
async function deviceOf(path) {
  try {
    return (await stat(path)).dev;
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'ENOENT') return undefined;
    throw error;
  }
}
