import { linkSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { newCache } from './support.ts';

// Apart from the other tests of producers: Windows has no devices among its files, and no modes.

describe('a producer', () => {
  it('that names a device publishes nothing [K28]', async () => {
    const { cache } = await newCache();
    await expect(cache.fetch('corpus', async () => '/dev/zero')).rejects.toThrow(
      'is no file: return a stream of it',
    );
    expect(cache.peek('corpus')).toBeUndefined();
  });

  it('that gives its temp a second name has it copied, and left as it is [K28]', async () => {
    const { cache, home } = await newCache();
    const own = join(home, 'own');
    writeFileSync(own, 'words', { mode: 0o640 });
    const entry = await cache.fetch('corpus', async ({ temp }) => linkSync(own, temp));
    expect(statSync(own)).toMatchObject({ mode: 0o100640, nlink: 1 });
    expect(readFileSync(entry.path, 'utf8')).toBe('words');
  });
});
