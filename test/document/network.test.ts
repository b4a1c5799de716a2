import { readFileSync, writeFileSync } from 'node:fs';
import { LockManager, TimeoutError } from 'holdfast';
import { updateJson } from 'holdfast/document';
import { expect, it, onTestFinished, vi } from 'vitest';
import { onLockEvent } from '../../src/events/channel.ts';
import { fileSystems } from '../../src/storage/file-system/index.ts';
import { StoppedClock } from '../support/clock.ts';
import { until } from '../support/until.ts';
import { opened, raise } from './opened.ts';

it('a document on a network drive waits longer for its lock, by the portable engine, is polled, and says why [R49, R50, R51, R52]', async () => {
  vi.spyOn(fileSystems, 'of').mockReturnValue({ type: 'nfs4', reach: 'network', options: [] });
  onTestFinished(() => void vi.restoreAllMocks());
  const asked: [number, string | undefined][] = [];
  const stop = onLockEvent('granted', ({ contract }) => asked.push([0, contract]));
  const stopAsking = onLockEvent('requested', ({ timeout }) => asked.push([timeout, undefined]));
  onTestFinished(() => {
    stop();
    stopAsking();
  });
  const { document, path } = await opened();
  const degraded: string[] = [];
  document.on('degraded', ({ reason, detail }) => degraded.push(`${reason}: ${detail}`));
  await document.update(raise);
  expect(asked).toEqual([
    [30_000, undefined],
    [0, 'claim'],
  ]);
  await until(() => degraded.length > 0, 'it is told');
  expect(degraded).toEqual([expect.stringMatching(/^network-drive: .*\(nfs4\)/)]);

  const clock = new StoppedClock();
  const told: unknown[] = [];
  document.on('external', ({ value }) => told.push(value.a));
  writeFileSync(path, '{ "a": 9 }');
  const isTold = async () => {
    await clock.elapse(250);
    return told.length > 0;
  };
  await until(isTold, 'the change is told');
  clock.resume();

  const lock = await new LockManager().acquire({ file: path });
  const words = 'on an NFS network drive (nfs4): the holder may be on another machine';
  const short = new LockManager({ timeout: 1 });
  await expect(updateJson(path, raise as never, { locks: short })).rejects.toThrow(words);
  const other = await opened(undefined, { timeout: 1 });
  const held = await new LockManager().acquire({ file: other.path });
  const late: unknown = await other.document.update(raise).catch((error: unknown) => error);
  expect(late).toBeInstanceOf(TimeoutError);
  expect(String(late)).toContain(words);
  expect(String(late)).toContain('call retry(), later() or cancel()');
  await lock.release();
  await held.release();
  expect(readFileSync(path, 'utf8')).toBe('{ "a": 9 }');
});
