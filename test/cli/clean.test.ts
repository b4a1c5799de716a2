import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { permitsDirectory, slotPath } from '../../src/engine/file/permits.ts';
import { entryKinds, entryName, queueDirectory } from '../../src/engine/kernel/entry.ts';
import { readersDirectory } from '../../src/engine/signature.ts';
import { Agent } from '../support/agent.ts';
import { locksIn } from '../support/place.ts';
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

    const nameOf = (lock: string) => basename(locksIn(cli.home).pathOf(lock));
    expect(stdout.trimEnd().split('\n')).toEqual([
      `removed claim ${nameOf('crashed')}: its owner is dead`,
      expect.stringMatching(`^removed ticket ${queueDirectory(nameOf('mirror'))}/.*: its owner is dead$`),
      `kept claim ${nameOf('registry')}: its owner lives`,
    ]);
    expect(code).toBe(0);
    await holder.run(({ locks }) => {
      for (const lock of Object.values(locks)) lock.assertHeld();
    });
    expect((await cli.run(['clean'])).stdout).toContain(`nothing to clean in ${locks}`);
  });

  it('tells what it would remove and removes nothing under --dry-run, also as JSON [F12]', async () => {
    const { cli, locks } = await afterCrashes();
    const before = readdirSync(locks, { recursive: true }).sort();

    const { stdout, code } = await cli.run(['clean', '--dry-run']);
    const told = await cli.json(['clean', '--dry-run', '--json']);

    expect(stdout).toMatch(/^would remove claim crashed~/m);
    expect(code).toBe(0);
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

  it('takes every word for a name under --name, also that of a directory [F12]', async () => {
    const cli = new Cli();
    const data = join(cli.home, 'data');
    mkdirSync(data);
    const [dead] = await Agent.several(cli.home, 1);
    await dead.acquire({ name: './data' }, { engine: 'portable' }, 'name');
    await dead.acquire({ file: join(data, 'roles.json') }, { engine: 'portable' }, 'file');
    await dead.kill();

    const { code, stdout } = await cli.run(['clean', '--name', './data'], { cwd: cli.home });

    const lock = locksIn(cli.home).pathOf({ name: './data' });
    expect([code, stdout]).toEqual([0, `removed claim ${lock}: its owner is dead\n`]);
    expect(readdirSync(data)).toContain('.roles.json.lock');
  });

  it('never touches a file that Holdfast did not make, whatever it is called [F12]', async () => {
    const cli = new Cli();
    const data = join(cli.home, 'data');
    const lock = join(data, 'poetry.lock');
    for (const path of [readersDirectory(lock), permitsDirectory(lock)]) mkdirSync(path, { recursive: true });
    const precious = [
      ...[lock, join(data, 'uv.lock'), join(data, '.holdfast')],
      ...[join(readersDirectory(lock), 'mine'), slotPath(lock, 0, 1)],
      ...entryKinds.map((kind) => join(queueDirectory(lock), entryName(kind, 1n))),
    ];
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
