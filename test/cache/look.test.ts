import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { look } from '../../src/cache/look.ts';
import { newCache, put } from './support.ts';

/** Every record that is there now has been there for a minute, as this process sees it. */
function aMinuteLater(): void {
  onTestFinished(() => void vi.restoreAllMocks());
  const time = Date.now() + 60_000;
  vi.spyOn(Date, 'now').mockImplementation(() => time);
}

describe('a record that has been read', () => {
  it('is not read a third time while its file stays as it was, and is as soon as that is replaced [K22]', async () => {
    const { cache, layout } = await newCache();
    await put(cache, 'corpus', 'words');
    aMinuteLater();
    const [first, second, third] = [1, 2, 3].map(() => look(layout, 'corpus').record);
    expect(second).toEqual(first);
    expect(third).toBe(second);
    await put(cache, 'corpus', 'other words');
    expect(look(layout, 'corpus').record).toMatchObject({ generation: 2, size: 11 });
  });

  it('is read again when somebody has written into its file, though that has its old size [K22]', async () => {
    const { cache, layout } = await newCache();
    await put(cache, 'corpus', 'words');
    aMinuteLater();
    for (const _ of [1, 2]) expect(look(layout, 'corpus').state).toBe('good');
    const path = layout.recordOf('corpus');
    const text = readFileSync(path, 'utf8');
    writeFileSync(path, text.replace('"generation":1', '"generation":7'));
    expect(look(layout, 'corpus').record).toMatchObject({ generation: 7 });
    writeFileSync(path, text.replace(/./g, ' '));
    expect(look(layout, 'corpus').state).toBe('none');
  });

  it('is read again as long as the next but one could have its inode and the same time [K22]', async () => {
    const { cache, layout } = await newCache();
    await put(cache, 'corpus', 'words');
    const [, second, third] = [1, 2, 3].map(() => look(layout, 'corpus'));
    expect(second?.state).toBe('good');
    expect(third).toEqual(second);
    expect(third?.record).not.toBe(second?.record);
  });

  it('is read again each time when its key is long, which is not kept in memory [K24]', async () => {
    const { cache, layout } = await newCache();
    for (const [length, isKept] of [
      [1000, true],
      [1001, false],
    ] as const) {
      const key = 'k'.repeat(length);
      await put(cache, key, 'words');
      const [first, second] = [1, 2].map(() => layout.placeOf(key));
      expect(second?.path).toBe(first?.path);
      expect(first === second).toBe(isKept);
    }
  });

  it('cannot be changed by a caller for the callers after it [K22]', async () => {
    const { cache } = await newCache();
    await put(cache, 'corpus', 'words');
    aMinuteLater();
    const [, entry] = [1, 2].map(() => cache.peek('corpus'));
    expect(() => Object.assign(entry?.producedBy ?? {}, { pid: -1 })).toThrow(TypeError);
    expect(cache.peek('corpus')?.producedBy.pid).toBe(process.pid);
  });
});
