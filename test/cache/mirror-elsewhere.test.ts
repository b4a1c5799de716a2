import {
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MirrorError } from 'holdfast';
import { expect, it, onTestFinished } from 'vitest';
import { making, newCache, refuses } from './support.ts';

// Apart from the other tests of mirrors: Windows has no second file system here, no link to a directory, and no /proc.

it('a mirror on another file system is a copy, or an error where only a link will do [K20]', async () => {
  const { cache } = await newCache();
  const elsewhere = mkdtempSync(join(tmpdir(), 'holdfast-test-'));
  onTestFinished(() => rmSync(elsewhere, { recursive: true }));
  const mirror = join(elsewhere, 'corpus');
  expect(await cache.fetch('corpus', making('words'), { mirror })).toMatchObject({ mirroredBy: 'copy' });
  const strict = { mirror: join(elsewhere, 'strict'), mirrorMode: 'link' } as const;
  await expect(cache.fetch('corpus', refuses, strict)).rejects.toThrow(
    'cannot be a link: EXDEV. Use mirrorMode auto',
  );
  expect(readdirSync(elsewhere)).toEqual(['corpus']);
});

it('a mirror does not go into the cache itself, by whichever way it is named', async () => {
  const { cache, home, directory } = await newCache();
  symlinkSync(directory, join(home, 'way'));
  for (const mirror of [join(directory, 'x'), join(home, 'way/entries/x'), join(home, 'way/new/deep/x')]) {
    await expect(cache.fetch('corpus', making('words'), { mirror })).rejects.toThrow('inside the cache');
  }
  expect(existsSync(join(directory, 'new'))).toBe(false);
});

it.each([
  ['below a link that leads to itself', (home: string) => join(home, 'loop', 'corpus')],
  ['below what takes no directories', () => '/proc/none/corpus'],
])('a mirror %s is an error of the mirror, and the entry is there [G5, K20]', async (_, targetIn) => {
  const { cache, home } = await newCache();
  symlinkSync('loop', join(home, 'loop'));
  const mirror = targetIn(home);
  await expect(cache.fetch('corpus', making('words'), { mirror })).rejects.toBeInstanceOf(MirrorError);
  expect(cache.peek('corpus')).toMatchObject({ size: 5 });
});

it('a mirror takes the place of a link to a file, and of none to what is no file [K23]', async () => {
  const { cache, home } = await newCache();
  const [device, link, file] = ['device', 'link', 'file'].map((name) => join(home, name)) as [
    string,
    string,
    string,
  ];
  symlinkSync('/dev/null', device); // as /dev/stdout is
  writeFileSync(file, 'precious');
  symlinkSync(file, link);
  await expect(cache.fetch('corpus', making('words'), { mirror: device })).rejects.toThrow(MirrorError);
  expect(lstatSync(device).isSymbolicLink()).toBe(true);
  await cache.fetch('corpus', refuses, { mirror: link });
  expect(lstatSync(link).isFile()).toBe(true);
  expect(readFileSync(file, 'utf8')).toBe('precious');
});
