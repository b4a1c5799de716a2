import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Agent } from '../support/agent.ts';
import { Cli } from './cli.ts';

/** A home in which a portable holder and a kernel waiter were killed, and others live. */
async function afterCrashes(): Promise<{ cli: Cli; holder: Agent; locks: string }> {
  const cli = new Cli();
  const [holder, dead] = await Agent.several(cli.home, 2);
  await holder.acquire('mirror', {}, 'kernel');
  await holder.acquire('registry', { engine: 'portable' }, 'portable');
  await dead.wait('mirror', { timeout: 60_000 });
  await dead.acquire('crashed', { engine: 'portable' }, 'claim');
  await dead.kill();
  return { cli, holder, locks: join(cli.home, 'locks') };
}

describe('holdfast clean', () => {
  it('removes claims and tickets of the dead, says so, and keeps what the living have [F12, R46, R47, R48]', async () => {
    const { cli, holder, locks } = await afterCrashes();

    const { stdout, code } = await cli.run(['clean']);

    const lines = stdout.trimEnd().split('\n');
    expect(lines).toHaveLength(3);
    expect(lines[0]).toMatch(/^removed claim crashed~[0-9a-f]{20}\.lock: its owner is dead$/);
    expect(lines[1]).toMatch(/^removed ticket mirror~[0-9a-f]{20}\.lock\.queue\/.*: its owner is dead$/);
    expect(lines[2]).toMatch(/^kept claim registry~[0-9a-f]{20}\.lock: its owner lives$/);
    expect(code).toBe(0);
    await holder.run(({ locks }) => {
      for (const lock of Object.values(locks)) lock.assertHeld();
    });
    expect((await cli.run(['clean'])).stdout).toContain(`nothing to clean in ${locks}`);
  });

  it('tells what it would remove and removes nothing under --dry-run, also as JSON [F12]', async () => {
    const { cli, locks } = await afterCrashes();
    const before = readdirSync(locks, { recursive: true }).sort();

    const { stdout } = await cli.run(['clean', '--dry-run']);
    const told = await cli.json(['clean', '--dry-run', '--json']);

    expect(stdout).toMatch(/^would remove claim crashed~/m);
    expect(told).toMatchObject({
      dryRun: true,
      removed: [{ what: 'claim', why: 'its owner is dead' }, { what: 'ticket' }],
      kept: [{ what: 'claim', why: 'its owner lives' }],
    });
    expect(readdirSync(locks, { recursive: true }).sort()).toEqual(before);
  });

  it('looks at the locks and directories it is told, and at no others [F12]', async () => {
    const { cli, locks } = await afterCrashes();
    const data = join(cli.home, 'data');
    mkdirSync(data);
    const [dead] = await Agent.several(cli.home, 1);
    await dead.acquire({ file: join(data, 'roles.json') }, { engine: 'portable' });
    await dead.kill();

    expect((await cli.run(['clean', 'mirror'])).stdout).toMatch(/^removed ticket .*\n$/);
    expect((await cli.run(['clean', './nothing-here'], { cwd: cli.home })).stdout).toMatch(
      /^nothing to clean in /,
    );
    expect((await cli.run(['clean', data])).stdout).toBe(
      'removed claim .roles.json.lock: its owner is dead\n',
    );
    expect((await cli.run(['clean', '.'], { cwd: locks })).stdout).toMatch(/^removed claim crashed~/);
  });

  it('never touches a file that Holdfast did not make, whatever it is called [F12]', async () => {
    const cli = new Cli();
    const data = join(cli.home, 'data');
    mkdirSync(join(data, 'poetry.lock.queue/readers'), { recursive: true });
    const kinds = ['exclusive', 'shared', 'upgrade', 'held', 'waits'];
    const queued = [...kinds.map((kind) => `${'1'.repeat(20)}-${kind}-${'a'.repeat(16)}`), 'slot-0-of-1'];
    const precious = [
      ...['uv.lock', 'poetry.lock', 'poetry.lock.queue/readers/mine', '.holdfast'],
      ...queued.map((name) => `poetry.lock.queue/${name}`),
    ].map((name) => join(data, name));
    for (const path of precious) writeFileSync(path, 'precious');

    const { stdout, code } = await cli.run(['clean', data]);

    expect([stdout, code]).toEqual([`nothing to clean in ${data}\n`, 0]);
    expect(precious.filter(existsSync)).toEqual(precious);
  });

  it('has nothing to do where no lock was ever taken, and names a directory that is not there', async () => {
    const cli = new Cli();

    expect(await cli.run(['clean'])).toMatchObject({
      code: 0,
      stdout: `nothing to clean in ${cli.home}/locks\n`,
    });
    const { code, stderr } = await cli.run(['clean', `${cli.home}/missing/`]);
    expect([code, stderr]).toEqual([125, `holdfast: DIR must be a directory, got "${cli.home}/missing/".\n`]);
  });
});
