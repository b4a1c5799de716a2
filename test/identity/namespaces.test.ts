import { existsSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { here, liveness, recordOf } from '../../src/identity/index.ts';
import { self } from '../../src/identity/self.ts';
import { Cli } from '../cli/cli.ts';
import { Agent } from '../support/agent.ts';
import { asUser, Child } from '../support/child.ts';
import { tempDirectory } from '../support/temp.ts';
import { Observer } from './observer.ts';

const IN_PID_NAMESPACE = ['unshare', '--pid', '--fork', '--kill-child'];

const sleeper = () => recordOf(new Child('sleep', ['600']).pid);

describe('pid namespaces, as containers have', () => {
  it('make a process unknown to those in another one, either way [H3, F7, R46]', async () => {
    const inside = await Observer.start('unshare', '-Upf', '--kill-child', '--mount-proc');
    const record = await inside.self();

    expect(record.boot).toBe(here().boot);
    expect(liveness(record, 'local')).toBe('unknown');
    expect(await inside.verdictOn(self(), 'local')).toBe('unknown');
    expect(await inside.verdictOn(record, 'local')).toBe('alive');
  });

  it('keep a process from being taken for the one of its pid that an outer /proc shows [H3, H1]', async () => {
    const inside = await Observer.start(...IN_PID_NAMESPACE); // /proc is the one of this test
    const { start, ...record } = await inside.self();
    const child = await inside.spawn();

    expect(start).toBe(undefined); // what /proc tells of this pid is about somebody else
    expect(await inside.verdictOn(record)).toBe('unknown');
    expect(await inside.verdictOn({ ...record, start: '1' })).toBe('unknown');
    expect(await inside.verdictOn(child)).toBe('unknown');
    await inside.end(child.pid);
    expect(await inside.verdictOn(child)).toBe('dead'); // by kill(2), which asks the right namespace
  });

  it('keep the command of that other one from being told as the command of ours [H3]', async () => {
    const [outerProc, ownProc] = await Promise.all([
      Observer.start(...IN_PID_NAMESPACE),
      Observer.start(...IN_PID_NAMESPACE, '--mount-proc'),
    ]);
    const { pid } = await outerProc.self();
    expect(existsSync(`/proc/${pid}/cmdline`)).toBe(true); // as for any namespace, where the first process is 1

    expect(await outerProc.commandOf(pid)).toBe(null);
    expect(await ownProc.commandOf(pid)).toContain('identity-observer.mjs');
  });

  it('keep the processes of that other one from being told, or ended, as those of ours [H3, X3]', async () => {
    const [outerProc, ownProc] = await Promise.all([
      Observer.start(...IN_PID_NAMESPACE),
      Observer.start(...IN_PID_NAMESPACE, '--mount-proc'),
    ]);

    const child = await ownProc.spawn(0);
    expect(await ownProc.relativesOf(child.pid as number)).toEqual({
      ids: expect.arrayContaining([1, child.pid]),
      parent: (await ownProc.self()).pid,
    });
    expect(await outerProc.relativesOf(1)).toEqual({ ids: [], parent: null });
  });

  it('let a pid be given out twice, and the record of the first is dead then [H1, F7, R45, R47]', async () => {
    const inside = await Observer.start(...IN_PID_NAMESPACE, '--mount-proc');
    const first = await inside.spawn(4711);
    expect(await inside.verdictOn(first)).toBe('alive');
    await inside.end(4711);
    expect(await inside.verdictOn(first)).toBe('dead');

    const second = await inside.spawn(4711);

    expect(second.pid).toBe(first.pid);
    expect(await inside.verdictOn(second)).toBe('alive');
    expect(await inside.verdictOn(first)).toBe('dead');
  });
});

describe('time namespaces, as restored containers have', () => {
  it('shift start times, so that a living process is unknown to those in another one [H4, R46]', async () => {
    const inside = await Observer.start('unshare', '-T', '--boottime', '100000');
    const record = await inside.self();
    const outside = recordOf(record.pid);

    expect(record.pidNamespace).toBe(outside.pidNamespace);
    expect(record.start).not.toBe(outside.start); // the same process: believed, this would be its death
    expect(liveness(record, 'local')).toBe('unknown');
    expect(await inside.verdictOn(self(), 'local')).toBe('unknown');
    expect(await inside.verdictOn(record, 'local')).toBe('alive');
  });

  it('do not hide that there is no process of its pid any more [H4, F7, R45]', async () => {
    const inside = await Observer.start('unshare', '-T', '--boottime', '100000');
    const child = await inside.spawn();
    expect(liveness(child)).toBe('unknown');

    await inside.end(child.pid);

    expect(liveness(child)).toBe('dead');
  });
});

describe('a renamed host', () => {
  it('still knows its processes, because the boot is the same [H5]', async () => {
    const renamed = await Observer.start(
      'unshare',
      '--uts',
      'sh',
      '-c',
      'hostname holdfast-renamed && exec "$@"',
      'sh',
    );
    const record = await renamed.self();

    expect(record.host).toBe('holdfast-renamed');
    expect(record.machine).toBe(here().machine);
    expect(liveness(record, 'shared')).toBe('alive');
    expect(await renamed.verdictOn(self(), 'shared')).toBe('alive');
    await renamed.child.end();
    expect(liveness(record, 'shared')).toBe('dead');
  });

  it('does not take the record of another boot under its former name for its own [H5, H6]', async () => {
    const renamed = await Observer.start(
      'unshare',
      '--uts',
      'sh',
      '-c',
      'hostname holdfast-renamed && exec "$@"',
      'sh',
    );
    const earlier = { ...self(), boot: '00000000-0000-4000-8000-000000000000' };

    expect(earlier.host).toBe(hostname());
    expect(await renamed.verdictOn(earlier, 'local')).toBe('unknown');
    expect(await renamed.verdictOn({ ...earlier, host: 'holdfast-renamed' }, 'local')).toBe('dead');
  });
});

it('a machine that was not set up yet has no id, for all such machines would have the same [H5]', async () => {
  const id = join(tempDirectory(), 'machine-id');
  writeFileSync(id, 'uninitialized\n');
  const files = ['/etc/machine-id', '/var/lib/dbus/machine-id'].filter((file) => existsSync(file));
  const mounts = files.map((file) => `mount --bind ${id} ${file}`).join(' && ');
  const inside = await Observer.start('unshare', '--mount', 'sh', '-c', `${mounts} && exec "$@"`, 'sh');

  const record = await inside.self();

  expect(record.boot).toBe(here().boot);
  expect(record.machine).toBe(undefined);
});

describe('other users', () => {
  it('are alive though no signal may be sent to them, and dead by their start time [F7, H1]', async () => {
    const nobody = await Observer.start(...asUser(65534));
    const ours = sleeper();

    expect(await nobody.verdictOn(ours)).toBe('alive');
    expect(await nobody.verdictOn({ ...ours, start: '1' })).toBe('dead');
    const { start: _start, ...record } = ours;
    expect(await nobody.verdictOn(record)).toBe('alive'); // EPERM: it is there
  });

  it('are alive where /proc hides them as well [F7]', async () => {
    const nobody = await Observer.start(
      ...['unshare', '--mount', 'sh', '-c', 'mount -t proc -o hidepid=2 proc /proc && exec "$@"', 'sh'],
      ...asUser(65534),
    );

    expect(await nobody.verdictOn(sleeper())).toBe('alive');
    expect(await nobody.verdictOn({ ...sleeper(), start: '1' })).toBe('alive');
    expect(await nobody.verdictOn(await nobody.self())).toBe('alive');
  });
});

it('a process inside a container is met as a holder, and its pid is not mistaken for one of ours [H3, F7]', async () => {
  const home = tempDirectory();
  const inside = await Agent.start({ home, through: [...IN_PID_NAMESPACE, '--mount-proc'] });
  const [outside] = await Agent.several(home, 1);
  const pid = await inside.run(() => process.pid);
  // The portable engine goes by the record alone: a process of ours with this id is another one, which proves no death.
  for (const engine of ['portable', 'kernel'] as const) {
    await inside.acquire(engine, { purpose: 'inside', engine });

    const { state, holders } = await outside.run(({ manager }, name) => manager.inspect(name), engine);
    expect([state, holders.length]).toEqual(['exclusive', 1]);
    expect(holders).toMatchObject([{ pid, purpose: 'inside' }]); // as it is called in there
    expect(holders[0]?.foreign).toBeUndefined();
    expect(await outside.couldAcquire(engine)).toBe(false);
    const broken = await new Cli().run(['break', '--kill', '--yes', engine], {
      env: { HOLDFAST_HOME: home },
    });
    expect(broken).toMatchObject({ code: 125, stderr: expect.stringContaining('another pid namespace') });

    await inside.release();
  }
  await outside.acquire('mirror', { purpose: 'outside' });
  await expect(inside.acquire('mirror', { timeout: 0 })).rejects.toMatchObject({
    code: 'HOLDFAST_BUSY',
    holders: [{ purpose: 'outside' }],
  });
});
