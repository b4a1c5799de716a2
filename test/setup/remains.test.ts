import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { clearAway, MARK } from '../../scripts/mutate/remains.mjs';
import { Child } from '../support/child.ts';
import { tempDirectory } from '../support/temp.ts';
import { tool } from '../support/tool.ts';

const ready = ['-c', 'echo ready; exec sleep infinity'];

it('a run of tests that was killed leaves no process of any group, no mount and no file (mounted here as root)', async () => {
  const directory = tempDirectory();
  const other = tempDirectory();
  const point = join(directory, 'with a blank');
  mkdirSync(point);
  tool('mount', ['-t', 'tmpfs', 'holdfast-test', point]);
  writeFileSync(join(point, 'file'), '');
  const env = { [MARK]: directory };
  const marked = new Child('sh', ready, { env, cwd: other, detached: true });
  const inside = new Child('sh', ready, { cwd: point, detached: true });
  const foreign = new Child('sh', ready, { env: { [MARK]: other }, cwd: other });
  for (const child of [marked, inside, foreign]) await child.line('ready');

  await clearAway(directory);

  expect((await marked.exits()).signal).toBe('SIGKILL');
  expect((await inside.exits()).signal).toBe('SIGKILL');
  expect(foreign.isRunning).toBe(true);
  expect(readFileSync('/proc/self/mounts', 'utf8')).not.toContain(directory);
  expect(readdirSync(directory)).toEqual([]);
});
