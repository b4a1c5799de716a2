import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sleep, withChild } from './children.mjs';

/**
 * Nanoseconds from the moment one process closes a file until a bare callback of another process runs.
 *
 * @param {string} directory @param {number} count
 * @returns {Promise<number[]>}
 */
export async function wakeFloor(directory, count) {
  const path = join(directory, 'wake-floor');
  writeFileSync(path, '');
  return withChild('listener.mjs', { path }, (listener) =>
    withChild('closer.mjs', { path, count, pause: 4 }, async (closer) => {
      /** @type {number[]} */
      const closed = await closer.ask('start');
      await sleep(50);
      /** @type {number[]} */
      const heard = await listener.ask('report');
      return closed.map((at) => (heard.find((other) => other >= at) ?? Number.NaN) - at);
    }),
  );
}
