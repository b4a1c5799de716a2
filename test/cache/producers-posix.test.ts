import { linkSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { tempDirectory } from '../support/temp.ts';
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

describe('a working directory that was removed', () => {
  it('makes a relative mirror or result of a producer an InputError that says so [X46]', async () => {
    const former = process.cwd();
    onTestFinished(() => process.chdir(former));
    const { cache } = await newCache();
    const gone = tempDirectory();
    process.chdir(gone);
    rmSync(gone, { recursive: true });
    const wanted = {
      code: 'HOLDFAST_INPUT',
      message: expect.stringContaining('working directory was deleted'),
    };

    const produce = async () => 'words.txt';
    await expect(cache.fetch('corpus', produce)).rejects.toMatchObject(wanted);
    const write = async ({ temp }: { readonly temp: string }) => writeFileSync(temp, 'words');
    await expect(cache.fetch('corpus', write, { mirror: 'words.txt' })).rejects.toMatchObject(wanted);
    expect(readFileSync((await cache.fetch('corpus', write)).path, 'utf8')).toBe('words');
  });
});
