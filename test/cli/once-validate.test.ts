import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { until } from '../support/until.ts';
import { Cli } from './cli.ts';
import { counted } from './task.ts';

function isGone(pid: number): boolean {
  try {
    return /\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return true;
  }
}

describe('holdfast once --validate', () => {
  it('does not run a first success again to validate it; asks before it takes a recorded one [A16]', async () => {
    const cli = new Cli();
    const { words, runs } = counted(cli, 'true');
    const asked = join(cli.home, 'asked');
    const validate = `echo asked >> ${asked}; test ! -e ${join(cli.home, 'broken')}`;
    const command = ['once', '--validate', validate, 'x', '--', ...words];
    await cli.run(command);
    expect([runs(), existsSync(asked)]).toEqual([1, false]);
    await cli.run(command);
    expect([runs(), readFileSync(asked, 'utf8')]).toEqual([1, 'asked\n']);
    writeFileSync(join(cli.home, 'broken'), '');
    await cli.run(command);
    expect(runs()).toBe(2);
  });

  it.each(['SIGINT', 'SIGTERM'] as const)(
    'ends at %s also while a recorded success is validated, with all that looks at it [A16]',
    async (signal) => {
      const cli = new Cli();
      const { words, runs } = counted(cli, 'true');
      await cli.run(['once', 'v', '--', ...words]);
      const file = join(cli.home, 'validator');
      const running = cli.start([
        'once',
        '--validate',
        `sleep 1000 & echo $! > ${file}; wait`,
        'v',
        '--',
        ...words,
      ]);
      const pid = () => (existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0);
      await until(() => pid() > 0, 'the validation runs');
      running.signal(signal);
      expect((await running.exits()).signal).toBe(signal);
      await until(() => isGone(pid()), 'the end of the whole group');
      expect(runs()).toBe(1);
    },
  );

  it.each(['KILL', 'TERM'])(
    'does not take a success as one that holds when SIG%s ended what looks at it [A16, X58]',
    async (name) => {
      const cli = new Cli();
      const { words, runs } = counted(cli, 'true');
      for (const validate of ['exit 1', `kill -${name} $$`]) {
        const before = runs();
        await cli.run(['once', '--ttl', '1h', 'x', '--', ...words]);
        await cli.run(['once', '--validate', validate, 'x', '--', ...words]);
        expect(runs()).toBe(before + 2);
        await cli.run(['once', '--reset', 'x']);
      }
    },
  );
});
