import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Producer } from 'holdfast/cache';
import { expect, it } from 'vitest';
import type { Layout } from '../../src/cache/layout.ts';
import { newCache } from './support.ts';

const NEXT = ['data', 'state.json', 'temp'];

/** As if somebody had deleted the lock of a key while its holder was stopped, and another one had begun. */
function takenOver(layout: Layout): void {
  for (const name of readdirSync(layout.locks)) rmSync(join(layout.locks, name), { recursive: true });
  const directory = layout.partialOf('corpus');
  rmSync(directory, { recursive: true });
  mkdirSync(directory);
  for (const name of NEXT) writeFileSync(join(directory, name), `${name} of the next one`, { mode: 0o640 });
}

it.each<[string, () => ReturnType<Producer>]>([
  ['fails', () => Promise.reject(new Error('its own'))],
  ['returns', async () => {}],
  ['returns a stream', async () => new Blob(['words']).stream()],
])(
  'who lost the lock of its key, and whose producer %s, leaves alone what the next one has begun [K4, H7]',
  async (_, end) => {
    const { cache, layout } = await newCache();
    const producer: Producer = async ({ temp }) => {
      writeFileSync(temp, 'words');
      takenOver(layout);
      return end();
    };
    await expect(cache.fetch('corpus', producer)).rejects.toThrow();
    const directory = layout.partialOf('corpus');
    expect(readdirSync(directory).sort()).toEqual(NEXT);
    for (const name of NEXT) {
      expect(readFileSync(join(directory, name), 'utf8')).toBe(`${name} of the next one`);
      expect(statSync(join(directory, name)).mode & 0o200).toBe(0o200); // still to be written
    }
    expect(cache.peek('corpus')).toBeUndefined();
  },
);
