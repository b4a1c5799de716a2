import { promises, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Cache, type CacheOptions, openCache, type Producer } from 'holdfast/cache';
import { onTestFinished } from 'vitest';
import { Layout } from '../../src/cache/layout.ts';
import { memoryDirectory } from '../support/temp.ts';

/** A cache of the running test's own, in memory. */
export async function newCache(options: CacheOptions = {}) {
  const home = memoryDirectory();
  const directory = join(home, 'cache');
  const cache = await openCache(directory, options);
  return { home, directory, cache, layout: new Layout(directory) };
}

/** Writes a text to its temp, and counts how often. */
export class Making {
  count = 0;
  text: string;

  constructor(text: string) {
    this.text = text;
  }

  readonly producer: Producer = async ({ temp }) => {
    this.count++;
    writeFileSync(temp, this.text);
  };
}

export function making(text: string): Producer {
  return new Making(text).producer;
}

/** For calls that must not fetch. */
export const refuses: Producer = () => Promise.reject(new Error('it was fetched'));

/** An entry of this text. */
export function put(cache: Cache, key: string, text: string) {
  return cache.fetch(key, making(text), { policy: 'always' });
}

/** Puts something in the way of an asynchronous call to the file system until the test is over. */
export function interceptPromise<N extends 'link' | 'rename' | 'open' | 'copyFile'>(
  name: N,
  wrap: (original: (typeof promises)[N]) => (typeof promises)[N],
): void {
  const original = promises[name];
  promises[name] = wrap(original);
  onTestFinished(() => {
    promises[name] = original;
  });
}

/** Milliseconds. */
export const DAY = 86_400_000;

export async function keysOf(cache: Cache): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of cache.entries()) keys.push(key);
  return keys.sort();
}

/** Sets when an entry was used last, and its content made. */
export function age(layout: Layout, key: string, ms: number, path?: string): void {
  const at = (Date.now() - ms) / 1000;
  utimesSync(layout.recordOf(key), at, at);
  if (path !== undefined) utimesSync(path, at, at);
}
