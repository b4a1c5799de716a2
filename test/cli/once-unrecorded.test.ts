import { chmodSync, chownSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Cli } from './cli.ts';

const NOBODY = 65534;

it('a call ends as its own run did when that cannot be recorded, whatever else is on record [H17]', async () => {
  const cli = new Cli();
  chownSync(cli.home, NOBODY, NOBODY);
  const once = (...words: string[]) => cli.asUser(NOBODY, ['once', ...words]).finish();
  expect((await once('x', '--', 'sh', '-c', 'exit 7')).code).toBe(7);
  const records = join(cli.home, 'once', readdirSync(join(cli.home, 'once'))[0] as string);
  const words = ['x', '--', 'sh', '-c', `chmod 500 ${records}; exit 3`];

  for (const mode of ['run', '--wait']) {
    chmodSync(records, 0o700);
    const { code, stderr } = await once(...(mode === 'run' ? [] : [mode]), ...words);
    expect(code).toBe(3);
    expect(stderr).toMatch(/x failed(:| with) exit code 3/);
    expect(stderr).toContain(
      `x: that it failed could not be recorded, so those who wait for it run it again: EACCES in ${records}`,
    );
  }
  expect((await once('--exit-code', 'x')).code).toBe(125);
  chmodSync(records, 0o700);
  expect((await once('history', 'x')).stdout).toMatch(/failure +exit 7\n.*failure +exit 3/);
});
