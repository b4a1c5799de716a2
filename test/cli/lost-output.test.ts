import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Cli, main } from './cli.ts';

const LOST = 'holdfast: standard output cannot be written: ENOSPC. Make room on its disk';

it('the output of a run of once that cannot be written is told each time, live, from record and as it was logged [X40, X41]', async () => {
  const cli = new Cli();
  const calls = [
    ['once', 'big', '--', 'seq', '9'],
    ['once', 'big', '--', 'seq', '9'],
    ['once', '--stdout', 'big'],
    ['once', '--follow', 'big'],
  ];
  for (const words of calls) {
    const script = '"$0" "$@" >/dev/full';
    const { code, stderr } = await cli
      .program('sh', ['-c', script, process.execPath, main, ...words])
      .exits();
    expect([words, code, stderr]).toEqual([words, 125, `${LOST}\n`]);
  }
  expect(await cli.run(['once', '--stdout', 'big'])).toMatchObject({
    code: 0,
    stdout: '1\n2\n3\n4\n5\n6\n7\n8\n9\n',
  });
});

it.each([['--version'], ['--help'], ['completion', 'bash']])(
  'an output that cannot be written, of %s, is told, and is no success [R82]',
  async (...words) => {
    const cli = new Cli();
    const script = '"$0" "$@" >/dev/full';
    const { code, stderr } = await cli
      .program('sh', ['-c', script, process.execPath, main, ...words])
      .finish();
    expect(code).toBe(125);
    expect(stderr).toBe(`${LOST}\n`);
  },
);

it('a merge whose result is cut off is no conflict: it ends with 125, as a clean one does [R37, R82]', async () => {
  const cli = new Cli();
  const write = (name: string, text: string) => {
    writeFileSync(join(cli.home, name), text);
    return join(cli.home, name);
  };
  const [base, ours] = [write('base.json', '{"a":1}'), write('ours.json', '{"a":2}')];
  for (const [name, text] of [
    ['clean', '{"a":1,"b":2}'],
    ['conflict', '{"a":3}'],
  ] as const) {
    for (const flags of [[], ['--json']]) {
      const words = ['doc', 'merge', ...flags, base, ours, write(`${name}.json`, text)];
      const script = '"$0" "$@" >/dev/full';
      const child = cli.program('sh', ['-c', script, process.execPath, main, ...words]);
      const { code, stderr } = await child.finish();
      expect([name, flags, code]).toEqual([name, flags, 125]);
      expect(stderr).toContain(LOST);
    }
  }
});
