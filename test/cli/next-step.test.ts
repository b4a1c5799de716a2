import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { LockManager } from 'holdfast';
import { describe, expect, it } from 'vitest';
import { Agent } from '../support/agent.ts';
import { Child, fixture } from '../support/child.ts';
import { tempDirectory } from '../support/temp.ts';
import { Cli, main } from './cli.ts';

/** Runs a command line as it was read in a message, in a shell. */
async function follow(command: string, home: string): Promise<{ code: number | null; stdout: string }> {
  const bin = join(home, 'bin');
  mkdirSync(bin, { recursive: true });
  symlinkSync(main, join(bin, 'holdfast'));
  const env = { PATH: `${bin}:${process.env.PATH}`, HOLDFAST_HOME: join(home, 'state') };
  return await new Child('sh', ['-c', command], { cwd: home, env }).finish();
}

const commandIn = (message: string) => /Look: (holdfast who .+?) · wait: /.exec(message)?.[1] ?? '';

describe('the next step that a message tells', () => {
  it.each(['mirror', 'a/b', '-n', '--name', "it's 50 %"])(
    'finds the lock on %j, wherever a program keeps it [A4]',
    async (name) => {
      const home = tempDirectory();
      const directory = join(home, 'locks of mine');
      const [holder] = await Agent.several(home, 1); // another process: one's own lock is not to be looked for
      await holder.manage({ directory });
      const lock = await holder.acquire({ name });

      const error: Error = await new LockManager({ directory })
        .acquire({ name }, { timeout: 0 })
        .catch((e) => e);
      const { code, stdout } = await follow(commandIn(error.message), home);

      expect(lock.path.startsWith(directory)).toBe(true);
      expect(stdout).toContain(`${name} is held by`);
      expect(code).toBe(0);
    },
  );

  it.each([
    ['in another directory', ['--directory', 'elsewhere', 'mirror']],
    ['that has a slash', ['--name', 'a/b']],
    ['of a file', ['./data.json']],
  ])('finds the lock %s that run met [A4]', async (_, words) => {
    const cli = new Cli();
    const cwd = tempDirectory();
    const holder = cli.start(['run', ...words, '--', process.execPath, fixture('cli-recorder.mjs')], { cwd });
    await holder.says(/ready/);

    const { stderr, code } = await cli.run(['run', '-n', ...words, '--', 'true'], { cwd });
    const again = await cli.run(commandIn(stderr).split(' ').slice(1), { cwd });

    expect(code).toBe(75);
    expect(again.stdout).toMatch(/ is held by ".*cli-recorder/);
  });
});
