import { type FSWatcher, rmSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { portableEngine } from '../../../src/engine/portable/portable.ts';
import { until } from '../../support/until.ts';
import { contender, type StartedWait, unusedLock } from '../harness.ts';
import { intercept } from './intercept.ts';

const engine = portableEngine();

/** Every watch that is open, of those that begin until the test is over. */
function openWatches(): ReadonlySet<FSWatcher> {
  const open = new Set<FSWatcher>();
  intercept(
    'watch',
    (original) =>
      ((...args: never[]) => {
        const watcher = (original as (...args: never[]) => FSWatcher)(...args);
        open.add(watcher);
        return watcher.on('close', () => open.delete(watcher));
      }) as typeof original,
  );
  return open;
}

it.each([
  [
    'it is granted the lock',
    async ({ granted: grant }: StartedWait, release: () => void) => {
      release();
      await grant;
    },
  ],
  ['it is given up', async ({ waiting }: StartedWait) => waiting.cancel()],
  [
    'it fails',
    async ({ granted: grant }: StartedWait, _release: () => void, path: string) => {
      rmSync(path);
      writeFileSync(path, 'not a claim');
      await expect(grant).rejects.toMatchObject({ code: 'HOLDFAST_REFUSED' });
    },
  ],
])('a wait watches the lock, and no longer when %s [H23]', async (_how, end) => {
  const { request } = unusedLock();
  const holder = await contender(engine).acquire(request());
  const watches = openWatches();
  const started = contender(engine).wait(request());
  expect(watches.size).toBe(1);

  await end(started, () => holder.release(), request().path);

  await until(() => watches.size === 0, 'nothing is watched');
});
