import { chmodSync, chownSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Examination } from '../../src/cli/doctor/examine.ts';
import { fill, smallDisk } from '../support/disk.ts';
import { mountedFuse, mountedTmpfs } from '../support/mounts.ts';
import { tempDirectory } from '../support/temp.ts';
import { until } from '../support/until.ts';
import { Cli } from './cli.ts';

interface Report {
  readonly safe: boolean;
  readonly places: readonly Examination[];
}

/** Runs `holdfast doctor --json` in one directory. */
async function examine(directory: string, env: NodeJS.ProcessEnv = {}) {
  const cli = new Cli();
  const { code, stdout, stderr } = await cli.run(['doctor', '--json', directory], { env });
  const { safe, places } = JSON.parse(stdout) as Report;
  const [place] = places as [Examination];
  const check = (name: string) => place.checks.find((each) => each.name === name);
  const marked = (mark: string) => place.checks.filter((each) => each.mark === mark).map(({ name }) => name);
  return { code, stderr, safe, place, check, marked };
}

describe('holdfast doctor in a good directory', () => {
  const tmpfs = mountedTmpfs();

  it('tries out with two processes all that locks rest on, and leaves nothing behind [H12, R82]', async () => {
    const directory = tempDirectory();

    const { code, stderr, safe, place, marked } = await examine(directory);

    expect({ code, stderr, safe }).toEqual({ code: 0, stderr: '', safe: true });
    expect(place).toMatchObject({
      directory,
      holds: 'files',
      engine: 'kernel',
      contract: 'kernel',
      safe: true,
    });
    expect(marked('ok')).toEqual(
      expect.arrayContaining([
        ...['file system', 'safety', 'writing', 'engine', 'contract', 'exclusion', 'shared mode', 'lock'],
        ...['link race', 'rename race', 'kill -9', 'atomic rename', 'hard links', 'file names', 'clock'],
      ]),
    );
    expect(place.checks.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['watches', 'wake-up', 'space', 'reflinks', 'fsync']),
    );
    expect([...marked('fail')]).toEqual([]);
    expect(readdirSync(directory)).toEqual([]);
  });

  it('finds the kernel’s lock good in memory too, and says so', async () => {
    const { code, place, check } = await examine(tmpfs.directory());

    expect(code).toBe(0);
    expect(place).toMatchObject({ engine: 'kernel', why: expect.stringContaining('tmpfs') });
    expect(check('file system')?.says).toContain('tmpfs');
  });

  it('does not take a file system that counts no inodes for one that has none left [H14]', async () => {
    const { disk } = smallDisk('size=16m,nr_inodes=0');

    const { check } = await examine(disk);

    expect(check('space')).toMatchObject({ mark: 'ok', says: expect.stringMatching(/^\d+ MiB free$/) });
  });

  it('looks at the directory of the locks on names and at this one, and makes neither [R82]', async () => {
    const cli = new Cli();
    const cwd = tempDirectory();

    const { code, stdout } = await cli.run(['doctor'], { cwd });

    expect(code).toBe(0);
    expect(stdout).toContain(`${join(cli.home, 'locks')} (locks on names)\n  ok    file system`);
    expect(stdout).toContain(`\n${cwd} (locks on files in it)\n  ok    file system`);
    expect(stdout).toMatch(/^safe(, with warnings)?$/m);
    expect(readdirSync(cli.home)).toEqual([]);
    expect(readdirSync(cwd)).toEqual([]);
  });
});

describe('holdfast doctor in a bad directory', () => {
  it('fails where every user could swap lock files, and says how to change that [R69, R82]', async () => {
    const directory = tempDirectory();
    chmodSync(directory, 0o777);

    const { code, safe, check } = await examine(directory);

    expect({ code, safe }).toEqual({ code: 1, safe: false });
    expect(check('safety')).toMatchObject({ mark: 'fail', next: expect.stringContaining('chmod') });
    expect(readdirSync(directory)).toEqual([]);
  });

  it('fails where nothing can be written, with the system’s reason and the next step [H17, R82]', async () => {
    const { disk } = smallDisk('ro');

    const { code, place, check } = await examine(disk);

    expect(code).toBe(1);
    expect(check('writing')).toMatchObject({
      mark: 'fail',
      says: expect.stringContaining('EROFS'),
      next: expect.stringContaining('HOLDFAST_HOME'),
    });
    expect(place).toMatchObject({ engine: 'kernel', contract: 'kernel' });
  });

  it('fails in another user’s directory [H17]', async () => {
    const cli = new Cli();
    chmodSync(cli.home, 0o777);
    const directory = tempDirectory();

    const { code, stdout } = await cli.asUser(65534, ['doctor', directory]).exits();

    expect(code).toBe(1);
    expect(stdout).toMatch(/fail {2}writing +no file can be made in .* \(EACCES\)\n +→ Let this user write/);
    expect(stdout).toContain(`not safe: ${directory}`);
  });

  it('fails where the directory of the locks cannot even be reached, and says so like the rest [H17, R82]', async () => {
    const cli = new Cli();
    const closed = join(tempDirectory(), 'closed');
    mkdirSync(closed, { mode: 0o700 });
    const env = { HOLDFAST_HOME: closed };

    const doctor = cli.asUser(65534, ['doctor'], { env, cwd: tempDirectory() });
    const { code, stdout, stderr } = await doctor.exits();

    expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
    expect(stdout).toMatch(/fail {2}writing {2}no file can be made in .*closed.locks \(EACCES\)/);
  });

  it('warns the owner of a directory that a group may change who is not in it [X34]', async () => {
    const cli = new Cli();
    chmodSync(cli.home, 0o777);
    const directory = tempDirectory();
    chownSync(directory, 65534, 61999);

    const users = async (mode: number) => {
      chmodSync(directory, mode);
      const { stdout } = await cli.asUser(65534, ['doctor', '--json', directory]).exits();
      const { places } = JSON.parse(stdout) as Report;
      return places[0]?.checks.find(({ name }) => name === 'users');
    };

    expect(await users(0o2775)).toMatchObject({
      mark: 'warn',
      says: expect.stringContaining('is not in its group'),
    });
    expect(await users(0o2755)).toMatchObject({ mark: 'ok' });
  });

  it('fails where the directory of the locks can be seen, and not be looked into [H17, R82]', async () => {
    const cli = new Cli();
    const closed = join(tempDirectory(), 'closed');
    mkdirSync(closed, { mode: 0o700 });

    const doctor = cli.asUser(65534, ['doctor', '--directory', closed], { cwd: tempDirectory() });
    const { code, stdout, stderr } = await doctor.exits();

    expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
    expect(stdout).toMatch(/fail {2}copies +The locks in .*closed cannot be read \(EACCES\)/);
    expect(stdout).toMatch(/fail {2}writing +no file can be made in .*closed \(EACCES\)/);
  });

  it('warns of a full disk, where locks have no record but hold [H14]', async () => {
    const { disk } = smallDisk('size=16k');
    fill(disk);

    const { code, marked, check } = await examine(disk);

    expect(code).toBe(0);
    expect(check('space')).toMatchObject({ mark: 'warn' });
    expect(check('lock')).toMatchObject({
      mark: 'warn',
      says: expect.stringContaining('record-not-written'),
    });
    expect(marked('ok')).toEqual(expect.arrayContaining(['exclusion', 'kill -9']));
    expect(readdirSync(disk)).toEqual(['filler']);
  });

  it('refuses what is no directory before anything else [R82]', async () => {
    const cli = new Cli();
    const file = join(cli.home, 'file');
    writeFileSync(file, '');

    for (const word of [file, join(cli.home, 'missing')]) {
      const { code, stdout, stderr } = await cli.run(['doctor', word]);
      expect({ code, stdout }).toEqual({ code: 125, stdout: '' });
      expect(stderr).toMatch(
        /^holdfast: DIR must be a directory, got ".*"(, which is not one| \(ENOENT\))\.\n$/,
      );
    }
    expect(readdirSync(cli.home)).toEqual(['file']);
  });
});

describe.each(['refused', 'ignored'] as const)('holdfast doctor where the kernel’s lock is %s', (locks) => {
  const fuse = mountedFuse(locks);

  it('shows that the portable engine takes over, and that it holds [H12, F1, R49]', async () => {
    const { code, place, check, marked } = await examine(fuse.directory());

    expect(code).toBe(0);
    expect(place).toMatchObject({ engine: 'portable', contract: 'claim' });
    expect(check('engine')).toMatchObject({ mark: 'warn', says: expect.stringContaining('FUSE') });
    expect(marked('ok')).toEqual(
      expect.arrayContaining(['exclusion', 'shared mode', 'kill -9', 'link race']),
    );
    expect(readdirSync(fuse.directory())).toEqual([]);
  });

  it('fails when the kernel’s lock is insisted on [H12]', async () => {
    const { code, check } = await examine(fuse.directory(), { HOLDFAST_ENGINE: 'kernel' });

    expect(code).toBe(1);
    expect(check('exclusion')).toBeUndefined();
    expect(check('lock')).toMatchObject({
      mark: 'fail',
      says: expect.stringContaining('No kernel lock'),
    });
    expect(readdirSync(fuse.directory())).toEqual([]);
  });
});

describe('holdfast doctor where a file system says one thing and does another', () => {
  const fuse = mountedFuse('deceiving');

  it('finds out that two processes get the same lock, and that a claim can be replaced [H12]', async () => {
    const { code, safe, check } = await examine(fuse.directory(), { HOLDFAST_ENGINE: 'kernel' });

    expect({ code, safe }).toEqual({ code: 1, safe: false });
    expect(check('lock')?.mark).toBe('ok');
    expect(check('exclusion')).toEqual({
      name: 'exclusion',
      mark: 'fail',
      says: 'two processes got the same exclusive lock',
      next: expect.stringContaining('Keep no locks here'),
    });
    expect(check('shared mode')?.mark).toBe('fail');
    expect(check('rename race')).toMatchObject({ mark: 'fail', says: expect.stringContaining('at once') });
    expect(readdirSync(fuse.directory())).toEqual([]);
  });
});

describe('holdfast doctor where a lock outlasts its release', () => {
  const fuse = mountedFuse('sticking');

  it('finds that out, and calls the place unsafe [H12]', async () => {
    const { code, safe, check } = await examine(fuse.directory(), { HOLDFAST_ENGINE: 'kernel' });

    expect({ code, safe }).toEqual({ code: 1, safe: false });
    expect(check('exclusion')).toMatchObject({
      mark: 'fail',
      says: 'a lock was still held after its release',
    });
  });
});

describe('holdfast doctor that is ended while it tries', () => {
  it.each(['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGKILL'] as const)(
    'leaves nothing behind after %s [H25]',
    async (signal) => {
      const directory = tempDirectory();
      const doctor = new Cli().start(['doctor', directory]);
      await until(() => readdirSync(directory).length > 0, 'the directory for the trial');

      doctor.signal(signal);

      expect(await doctor.exits()).toMatchObject({ signal });
      await until(() => readdirSync(directory).length === 0, 'the trial to be cleared away');
    },
  );
});

describe('holdfast doctor in a directory with the sticky bit', () => {
  function openDirectory() {
    const directory = join(tempDirectory(), 'open');
    mkdirSync(directory);
    chmodSync(directory, 0o1777);
    return directory;
  }

  it('tells what it means for several users: nothing to the kernel’s lock, takeovers to the portable engine [X35, R82]', async () => {
    const kernel = await examine(openDirectory());
    expect(kernel.check('users')).toMatchObject({ mark: 'ok', says: expect.stringContaining('sticky bit') });

    const portable = await examine(openDirectory(), { HOLDFAST_ENGINE: 'portable' });
    expect(portable.check('users')).toMatchObject({
      mark: 'warn',
      says: expect.stringContaining('its user, the owner of the directory and root'),
    });
  });

  it('is not content where a stranger’s lock file is refused, and names both users [X35, R65, R82]', async () => {
    const directory = openDirectory();
    writeFileSync(join(directory, 'roles.json'), '{}', { mode: 0o644 });
    const lock = join(directory, '.roles.json.lock');
    writeFileSync(lock, '');
    chownSync(lock, 61234, 61234);

    const { code, check } = await examine(directory);

    expect(code).toBe(1);
    expect(check('users')).toMatchObject({
      mark: 'fail',
      says: expect.stringContaining('.roles.json.lock belongs to user id 61234'),
      next: expect.stringContaining('chown'),
    });
  });
});
