import { existsSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LostError, onCacheEvent } from 'holdfast';
import type { Producer } from 'holdfast/cache';
import { describe, expect, it, onTestFinished } from 'vitest';
import { gate } from '../support/deadline.ts';
import { interceptPromise, Making, making, newCache, put, refuses } from './support.ts';

describe('a call that ends while a function of its caller runs', () => {
  it('makes no mirror once the function has said where [G5, K27]', async () => {
    const { cache, home } = await newCache();
    const [asked, answered] = [gate(), gate()];
    const controller = new AbortController();
    const mirror = async () => {
      asked.open();
      await answered.opened;
      return join(home, 'corpus');
    };
    const call = cache.fetch('corpus', making('words'), { mirror, signal: controller.signal });
    await asked.opened;
    controller.abort(new Error('enough'));
    await expect(call).rejects.toThrow('enough');
    answered.open();
    await cache.delete('corpus'); // waits for the key's lock, and so for all that the call still does
    expect(existsSync(join(home, 'corpus'))).toBe(false);
  });

  it('by the loss of its lock begins no mirror, whose temporary file is of whoever has the lock now [K1]', async () => {
    const { cache, home } = await newCache();
    await put(cache, 'corpus', 'words');
    const { lock } = cache.flight('corpus');
    let links = 0;
    interceptPromise('link', (original) => (...paths) => {
      links++;
      return original(...paths);
    });
    const mirror = () => {
      renameSync(lock, `${lock}.away`);
      writeFileSync(lock, '');
      return join(home, 'corpus');
    };
    const call = cache.fetch('corpus', refuses, { mirror, mirrorMode: 'link' });
    await expect(call).rejects.toBeInstanceOf(LostError);
    expect([links, existsSync(join(home, 'corpus'))]).toEqual([0, false]);
  });

  it('as who hears that its flight starts calls no producer [K27]', async () => {
    const { cache, directory } = await newCache();
    const controller = new AbortController();
    const enough = () => controller.abort(new Error('enough'));
    onTestFinished(onCacheEvent('flight-started', (event) => void (event.cache === directory && enough())));
    const made = new Making('words');
    const call = cache.fetch('corpus', made.producer, { signal: controller.signal });
    await expect(call).rejects.toThrow('enough');
    await cache.delete('corpus'); // waits for all that the call still does
    expect(made.count).toBe(0);
  });

  it('as a verify that tells of its progress for the last time says so [K27]', async () => {
    const { cache } = await newCache();
    await put(cache, 'corpus', 'words');
    const controller = new AbortController();
    const onProgress = () => controller.abort(new Error('enough'));
    const verified = cache.verify({ onProgress, signal: controller.signal });
    await expect(verified).rejects.toThrow('enough');
  });
});

it('the progress of a fetch goes to no call that was aborted, though another one waits for it [K27]', async () => {
  const { cache } = await newCache();
  const [begun, goOn] = [gate(), gate()];
  const controller = new AbortController();
  const told: number[] = [];
  const producer: Producer = async ({ temp, progress }) => {
    begun.open();
    await goOn.opened;
    progress(1, 5);
    writeFileSync(temp, 'words');
  };
  const onProgress = ({ done }: { readonly done: number }) => void told.push(done);
  const first = cache.fetch('corpus', producer, { signal: controller.signal, onProgress });
  await begun.opened;
  const second = cache.fetch('corpus', refuses);
  controller.abort(new Error('enough'));
  await expect(first).rejects.toThrow('enough');
  goOn.open();
  expect((await second).size).toBe(5);
  expect(told).toEqual([]);
});

it('a verify that has failed calls nobody any more [K26]', async () => {
  const { cache } = await newCache();
  for (let each = 0; each < 20; each++) await put(cache, `key ${each}`, `words ${each}`);
  let calls = 0;
  const onProgress = () => {
    calls++;
    throw new Error('enough');
  };
  await expect(cache.verify({ parallel: 4, onProgress })).rejects.toThrow('enough');
  expect(await cache.verify()).toMatchObject({ checked: 20, bad: [] }); // as long as the other one would have gone on
  expect(calls).toBe(1);
});
