import { closeSync, openSync, watch, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { watchUse } from '../fixtures/everything-use.mjs';
import { tempDirectory } from '../support/temp.ts';

it('what is left in use is named: a descriptor, a watch, and a timer that would let the process end', async () => {
  const file = join(tempDirectory(), 'file');
  writeFileSync(file, '');
  watch(file, { persistent: false }).close(); // the event loop keeps its own descriptor for them

  const left = watchUse({ files: true, patience: 1 });
  const fd = openSync(file, 'r');
  const watcher = watch(file, { persistent: false });
  const timer = setTimeout(() => {}, 1_000_000).unref();
  onTestFinished(() => {
    closeSync(fd);
    watcher.close();
    clearTimeout(timer);
  });

  expect(await left()).toEqual(
    expect.arrayContaining([
      `descriptor ${fd} on ${file}`,
      expect.stringMatching(/^inotify wd:/),
      expect.stringMatching(/^timer \d+$/),
    ]),
  );
});

it('nothing is left of what was closed', async () => {
  const file = join(tempDirectory(), 'file');
  writeFileSync(file, '');
  const left = watchUse({ files: true });
  const fd = openSync(file, 'r');
  const watcher = watch(file, { persistent: false });
  const timer = setTimeout(() => {}, 1_000_000);
  closeSync(fd);
  watcher.close();
  clearTimeout(timer);

  expect(await left()).toEqual([]);
});
