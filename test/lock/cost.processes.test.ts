import { writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, it } from 'vitest';
import { callsOf } from '../support/calls.ts';
import { tempDirectory } from '../support/temp.ts';

const TIMES = 50;

it('a free lock is taken and given back by a few system calls, on no file but its own, and waits for no disk and no watch [R71, R72]', async () => {
  const path = join(tempDirectory(), 'data.json');
  writeFileSync(path, '');
  const calls = await callsOf('lock', path, TIMES);
  const onLock = calls.filter((call) => basename(call.path) === '.data.json.lock');
  const names = (some: readonly { name: string }[]) => [...new Set(some.map(({ name }) => name))].toSorted();

  expect(onLock.length / TIMES).toBeGreaterThanOrEqual(3);
  expect(onLock.length / TIMES).toBeLessThanOrEqual(10);
  // What is left follows the links of the path to the data, and looks whether there is a queue.
  expect(names(calls.filter((call) => !onLock.includes(call)))).toEqual(['access', 'readlink']);
  expect(names(calls)).not.toContain('fsync');
});
