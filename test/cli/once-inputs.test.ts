import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { InputError } from 'holdfast';
import { describe, expect, it } from 'vitest';
import { inputsMatching } from '../../src/cli/once/task.ts';
import { tempDirectory } from '../support/temp.ts';
import { makeFifo } from '../support/tool.ts';
import { Cli } from './cli.ts';
import { Task } from './task.ts';

describe('the files of --inputs', () => {
  const directory = () => {
    const path = tempDirectory();
    mkdirSync(join(path, 'deep'));
    for (const name of ['b.txt', 'a.txt', 'deep/c.txt']) writeFileSync(join(path, name), name);
    return path;
  };

  it('count in one order, whatever the order of the disk and of the patterns [A14, X58]', async () => {
    const path = directory();
    const patterns = ['b.txt', 'deep/*', '*.txt'].map((name) => join(path, name));
    const inputs = await inputsMatching(patterns);
    const names = inputs.slice(patterns.length).map((input) => basename((input as { file: string }).file));
    expect(names).toEqual(['a.txt', 'b.txt', 'c.txt']);
    expect(await inputsMatching([...patterns.reverse(), ...patterns])).toEqual(inputs);
  });

  it.each(['link', '*'])(
    'that are none, by way of a link that %s matches, are not waited for [A14, H18]',
    async (pattern) => {
      const cli = new Cli();
      const cwd = tempDirectory();
      makeFifo(join(cwd, 'fifo'));
      symlinkSync('fifo', join(cwd, 'link'));
      for (const deed of [[], ['--detach'], ['--wait']]) {
        const { code, stderr } = await cli.run(['once', ...deed, 'x', '--inputs', pattern, '--', 'true'], {
          cwd,
        });
        expect({ code, stderr }).toEqual({
          code: 125,
          stderr: expect.stringContaining('--inputs names "link", which is no regular file.'),
        });
      }
    },
  );

  it('that have changed have a start in the background wait for the run that goes by the others, and say so [X58, R82]', async () => {
    const task = new Task();
    const file = join(tempDirectory(), 'input');
    const detach = (content: string, ...flags: string[]) => {
      writeFileSync(file, content);
      return task.cli.run(['once', '--detach', ...flags, 'task', '--inputs', file, '--', ...task.words]);
    };
    await detach('a');
    await task.begun();
    expect((await detach('a')).stderr).toContain(
      'task is being run already. Follow: holdfast once --follow task ·',
    );
    const { stderr } = await detach('b');
    expect(stderr).toContain('task waits for its run with other inputs, by ');
    expect(stderr).toContain(
      `, and then runs. Follow: holdfast once --follow task --inputs ${file} -- sh -c `,
    );
    expect(JSON.parse((await detach('c', '--json')).stdout)).toEqual({ id: 'task', state: 'waiting' });
  });

  it.each(['--follow', '--wait'])(
    'that have changed have %s wait for the run that goes by the others, say so, and give nothing of it [X58, R82]',
    async (deed) => {
      const task = new Task();
      const directory = tempDirectory();
      const start = (name: string, ...flags: string[]) => {
        writeFileSync(join(directory, name), name);
        const words = ['task', '--inputs', join(directory, name), '--', ...task.words];
        return task.cli.start(['once', ...flags, ...words]);
      };
      await start('a', '--detach', '--quiet').exits();
      await task.begun();
      const beside = start('a', '--follow');
      await beside.says(/started/);
      const behind = start('b', deed);
      await behind.says(
        /^holdfast: waiting for task, behind its run with other inputs, by "sh -c /,
        'stderr',
      );
      task.open();

      const outputs = [await beside.exits(), await behind.exits()].map(({ stdout }) => stdout);
      expect(outputs).toEqual(task.pids.map((pid) => `started\nfinished by ${pid}\n`));
      expect(task.pids).toHaveLength(2);
    },
  );

  it.each(['--wait', '--follow'])(
    'have %s end with the outcome that was made from them, also when a later run with others failed [X58]',
    async (deed) => {
      const cli = new Cli();
      const file = join(tempDirectory(), 'input');
      const start = (content: string, ...flags: string[]) => {
        writeFileSync(file, content);
        const words = ['x', '--inputs', file, '--', 'sh', '-c', `cat ${file}; grep -q a ${file}`];
        return cli.run(['once', ...flags, ...words]);
      };
      expect([(await start('a')).code, (await start('b')).code]).toEqual([0, 1]);

      expect(await start('a', deed)).toMatchObject({ code: 0, stdout: 'a', stderr: '' });
    },
  );

  it('are an error that names the pattern of which there are none [A14, X58]', async () => {
    const path = directory();
    const asked = inputsMatching([join(path, '*.txt'), join(path, 'none-*')]);
    await expect(asked).rejects.toBeInstanceOf(InputError);
    await expect(asked).rejects.toThrow(`matches no file: "${join(path, 'none-*')}"`);
  });
});
