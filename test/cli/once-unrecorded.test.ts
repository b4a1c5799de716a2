import { chmodSync, chownSync, readdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { mountTmpfs } from '../support/disk.ts';
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

it('a run whose logs a full disk does not take is told by that, not by the death of its runner [H17, R82]', async () => {
  const cli = new Cli();
  cli.env.HOLDFAST_AUDIT = 'off';
  mountTmpfs(cli.home, 'nr_inodes=100');
  const once = (...words: string[]) => cli.run(['once', ...words]);
  expect((await once('x', '--', 'sh', '-c', 'exit 3')).code).toBe(3);
  const fill = fillInodes(cli.home);
  let told = '';
  for (let free = 0; !told.includes('logs'); free++) {
    fill(free);
    told = (await once('x', '--', 'sh', '-c', 'exit 3')).stderr;
  }
  expect(told).toMatch(/x has no result: its logs in \S+ cannot be made: ENOSPC/);

  const why = 'could not be started: its logs cannot be made: ENOSPC';
  const peeked = await once('--peek', 'x');
  expect(peeked.code).toBe(1);
  expect(peeked.stdout).toContain(`x has no result: its last run ${why} (run `);
  expect((await once('--wait', 'x')).stderr).toContain(`x has no result: its last run ${why}. Start it: `);
  expect((await once('history', 'x')).stdout).toContain(`no result  ${why}`);
});

/** Takes the inodes of a small disk; the function it returns leaves as many free as it is told. */
function fillInodes(disk: string): (free: number) => void {
  const fillers = Array.from({ length: 100 }, (_, index) => join(disk, `filler-${index}`));
  return (free) => {
    for (const each of fillers) rmSync(each, { force: true });
    const { ffree } = statfsSync(disk);
    for (const each of fillers.slice(0, Number(ffree) - free)) writeFileSync(each, '');
  };
}
