import { readdirSync } from 'node:fs';
import { expect, it } from 'vitest';
import { newCache, put, refuses } from './support.ts';

const KEYS = [
  'a',
  'A',
  'a.',
  'a ',
  '.',
  '..',
  '../../etc/passwd',
  'a/b',
  'a\\b',
  'a\0b',
  '\ud800',
  '\udfff',
  'é'.normalize('NFC'),
  'é'.normalize('NFD'),
  'k'.repeat(4096),
  `${'k'.repeat(4095)}l`,
  '\0'.repeat(100_000),
  'CON',
  'https://example.org/a',
  'https://example.org/a?token=1',
];

it('any string is a key of its own: empty ones are refused, and those of more than 100,000 characters [K24]', async () => {
  const { cache, directory } = await newCache();
  for (const [at, key] of KEYS.entries()) await put(cache, key, `text ${at}`);
  expect(readdirSync(`${directory}/entries`)).toHaveLength(KEYS.length);
  for (const [at, key] of KEYS.entries()) {
    expect(await cache.fetch(key, refuses)).toMatchObject({ key, size: `text ${at}`.length, generation: 1 });
  }
  await expect(put(cache, '', 'text')).rejects.toThrow('key must');
  await expect(put(cache, 'k'.repeat(100_001), 'text')).rejects.toThrow('use a hash of it');
});

it('the name of a file shows nothing secret of a URL [K13, K24]', async () => {
  const { cache, directory } = await newCache();
  await put(cache, 'https://user:secret@example.org/data.bin?token=secret#secret', 'text');
  const names = readdirSync(directory, { recursive: true }).join('\n');
  expect(names).toContain('example.org-data.bin');
  expect(names).not.toContain('secret');
});
