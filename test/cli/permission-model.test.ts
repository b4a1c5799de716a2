import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { Cli } from './cli.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** A program under the permission model, which may use its own files and those of the locks. */
function restricted(cli: Cli, allowed: readonly string[], script: string) {
  const files = [root, `${cli.home}/`].flatMap((path) => [
    `--allow-fs-read=${path}`,
    `--allow-fs-write=${path}`,
  ]);
  const args = [
    '--no-warnings',
    '--experimental-permission',
    ...files,
    ...allowed,
    '--input-type=module',
    '--eval',
    script,
  ];
  return cli.program(process.execPath, args, { cwd: root });
}

const HOLD = `
  import { acquireLock, LockManager } from 'holdfast';
  const locks = new LockManager();
  await locks.acquire('x').then(
    () => { console.log('held'); process.stdin.resume(); },
    (error) => console.log(error.message),
  );`;

describe("Node.js' permission model", () => {
  it('with addons: a holder that may not read /proc is shown as who it is [X49]', async () => {
    const cli = new Cli();
    const holder = restricted(cli, ['--allow-addons'], HOLD);
    await holder.line('held');
    const { stdout } = await cli.run(['who', 'x']);
    expect(stdout).toMatch(new RegExp(`^x is held by .*\\(pid ${holder.pid}, user `));
    expect(stdout).not.toContain('not a Holdfast program');
    const busy = await cli.run(['run', '-n', 'x', '--', 'true']);
    expect([busy.code, busy.stderr]).toEqual([75, expect.stringContaining(`pid ${holder.pid}`)]);
    await holder.finish();
  });

  it('without addons, and without the right to write: the error says which flag is missing [X49]', async () => {
    const cli = new Cli();
    const without = await restricted(cli, [], HOLD).finish();
    expect(without.stdout).toMatch(/ERR_ACCESS_DENIED\. Start Node\.js with --allow-addons, /);
    await cli.run(['run', 'x', '--', 'true']); // from now on it is a lock of the kernel
    expect((await restricted(cli, [], HOLD).finish()).stdout).toMatch(
      /What helps: start Node\.js with --allow-addons\.\n$/,
    );
    const elsewhere = new Cli();
    const program = cli.program(
      process.execPath,
      [
        '--no-warnings',
        '--experimental-permission',
        `--allow-fs-read=*`,
        '--allow-addons',
        '--input-type=module',
        '--eval',
        HOLD,
      ],
      { cwd: root, env: { HOLDFAST_HOME: `${elsewhere.home}/none` } },
    );
    expect((await program.finish()).stdout).toMatch(/Start Node\.js with --allow-fs-write=/);
  });
});
