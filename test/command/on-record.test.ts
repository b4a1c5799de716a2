import { existsSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { ManagerOptions } from 'holdfast';
import { describe, expect, it, onTestFinished } from 'vitest';
import { identityOf } from '../../src/command/on-record/index.ts';
import { Cli, main } from '../cli/cli.ts';
import { Agent } from '../support/agent.ts';
import { Child, fixture } from '../support/child.ts';
import { smallDisk } from '../support/disk.ts';
import { locksIn } from '../support/place.ts';
import { tempDirectory } from '../support/temp.ts';

const PORTABLE = ['run', '--engine', 'portable'];
const NODE = process.execPath;
const preload = pathToFileURL(fixture('trouble-while-starting.mjs')).href;

/** Everything a command can say about its start: it is heard as long as any process of it may run. */
const LOUD = ['sh', '-c', 'echo begun; cat'];

function end(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Ended before.
  }
}

describe('a command under a portable lock', () => {
  it.each(['before-start', 'after-start', 'before-record', 'after-record', 'before-word'])(
    'never begins when holdfast is killed %s, and the next one goes on at once [A5, H11, H16]',
    async (step) => {
      const cli = new Cli();
      const args = ['--import', preload, main, ...PORTABLE, 'mirror', '--', ...LOUD];
      const killed = cli.program(NODE, args, { env: { DIE_AT: step } });

      // Its output is closed when every process that could write to it has ended, so nothing of it is left to begin.
      const { signal, stdout, stderr } = await killed.exits();
      const next = await cli.run([...PORTABLE, '--no-wait', 'mirror', '--', 'echo', 'next']);

      expect({ signal, stdout, stderr }).toEqual({ signal: 'SIGKILL', stdout: '', stderr: '' });
      expect(next).toMatchObject({ code: 0, stdout: 'next\n' });
    },
  );

  it('keeps it when holdfast is killed after it began, until it ends [A5, H11]', async () => {
    const cli = new Cli();
    const first = cli.start([...PORTABLE, 'mirror', '--', 'sh', '-c', 'echo begun $$; exec sleep 600']);
    const command = Number((await first.says(/begun (\d+)/))[1]);
    onTestFinished(() => end(command));
    await first.killAlone();

    const refused = await cli.run([...PORTABLE, '--no-wait', 'mirror', '--', 'echo', 'too soon']);
    const waiting = cli.start([...PORTABLE, 'mirror', '--', 'echo', 'next']);
    end(command);

    expect(refused).toMatchObject({ code: 75, stdout: '' });
    expect(await waiting.exits()).toMatchObject({ code: 0, stdout: 'next\n' });
  });

  it('gets its words, its environment, its descriptors and its exit code as it would without a lock', async () => {
    const cli = new Cli();
    const env = { 'odd.name': 'a b', 'BASH_FUNC_x%%': '() { :; }' };
    const script = [
      'const { env } = process, fs = require("node:fs")',
      'console.log(JSON.stringify([process.argv.slice(1), env["odd.name"], env["BASH_FUNC_x%%"], process.ppid]))',
      'process.exitCode = 7',
    ].join('; ');
    const running = cli.start([...PORTABLE, 'mirror', '--', NODE, '-e', script, '', "it's", '*'], { env });

    const { code, stdout } = await running.exits();

    expect(code).toBe(7);
    expect(JSON.parse(stdout)).toEqual([['', "it's", '*'], 'a b', '() { :; }', running.pid]);
  });

  it('is on record with its start time, so that no later process of its id keeps the lock [A5, H1, H11]', async () => {
    const cli = new Cli();
    const running = await cli.hold('--engine', 'portable', 'mirror');
    const command = Number(/ready (\d+)/.exec(running.stdout)?.[1]);

    const [holder] = locksIn(cli.home).inspect('mirror').holders;

    expect(holder).toMatchObject({ pid: running.pid, child: identityOf(command) });
    expect(holder?.child?.start).toMatch(/^\d+$/);
  });

  it('has no descriptor open but those that holdfast was started with [A5]', async () => {
    const cli = new Cli();
    const list = 'for fd in 3 4 5 6 7 8 9; do [ ! -e /proc/$$/fd/$fd ] || echo $fd; done';
    const run = [NODE, main, ...PORTABLE, 'mirror', '--', 'sh', '-c', list];

    const plain = await cli.program('sh', ['-c', 'exec "$@"', 'sh', ...run]).finish();
    const given = await cli.program('sh', ['-c', 'exec "$@" 3<&0 5<&0', 'sh', ...run]).finish();

    expect(plain).toMatchObject({ code: 0, stdout: '', stderr: '' });
    expect(given).toMatchObject({ code: 0, stdout: '3\n5\n', stderr: '' });
  });

  it.each([
    ['no-such-command', 127, 'holdfast: no-such-command: command not found\n'],
    ['/etc/passwd', 126, 'holdfast: /etc/passwd: not executable\n'],
    ['/etc', 126, 'holdfast: /etc: not executable\n'],
  ])(
    'that cannot be run (%s) is told of by name, and the lock is given back',
    async (command, code, stderr) => {
      const cli = new Cli();

      expect(await cli.run([...PORTABLE, 'mirror', '--', command])).toMatchObject({ code, stderr });

      const { stderr: after } = await cli.run([...PORTABLE, 'mirror', '--', 'true']);
      expect(after).toBe('');
    },
  );

  it.each([
    ['#!/no/such/interpreter\n', 127, 'command not found'],
    ['#! /etc/passwd -x\n', 126, 'not executable'],
  ])(
    'whose interpreter cannot be run (%j) leaves the news to the next one [A5, X14]',
    async (script, code, why) => {
      const cli = new Cli();
      const command = join(cli.home, 'script');
      writeFileSync(command, script, { mode: 0o755 });
      await cli.run([...PORTABLE, 'mirror', '--', 'sh', '-c', 'kill -9 $PPID $$']);

      const refused = await cli.run([...PORTABLE, 'mirror', '--', command]);
      const next = await cli.run([...PORTABLE, 'mirror', '--', 'printenv', 'HOLDFAST_RECOVERED']);

      expect(refused.code).toBe(code);
      expect(refused.stderr).toContain(`${command}: ${why}`);
      expect(next).toMatchObject({ code: 0, stdout: 'mirror\n' });
    },
  );
});

describe.each([
  ['run', ['run']],
  ['once', ['once']],
])('on a disk that is too full for the record, holdfast %s', (_name, verb) => {
  it('does not start the command, says why, and gives the lock back [H14]', async () => {
    const { disk } = smallDisk('size=64k');
    const cli = new Cli();
    const env = { HOLDFAST_ENGINE: 'portable', HOLDFAST_HOME: join(disk, 'home') };
    const [filler, marker] = [join(disk, 'filler'), join(cli.home, 'begun')];
    const words = [...verb, 'mirror', '--', 'touch', marker];

    const program = ['--import', preload, main, ...words];
    const refused = await cli.program(NODE, program, { env: { ...env, FILL: filler } }).exits();

    expect(refused.stderr).toMatch(/^holdfast: No command can work under the lock on .*: ENOSPC\. Make room/);
    expect(refused.code).toBe(125);
    expect(existsSync(marker)).toBe(false);
    unlinkSync(filler);
    expect(await cli.run(words, { env })).toMatchObject({ code: 0, stderr: '' });
    expect(existsSync(marker)).toBe(true);
  });
});

describe('a portable lock whose holder', () => {
  async function place(options: ManagerOptions = {}) {
    const home = tempDirectory();
    const [holder, other] = await Agent.several(home, 2);
    for (const agent of [holder, other]) await agent.manage({ engine: 'portable', ...options });
    return { holder, other };
  }

  function worker() {
    const child = new Child('cat', []);
    return { child, identity: identityOf(child.pid) };
  }

  it('says that a process is starting stays held when it is killed, until a person breaks the claim [H11, H16]', async () => {
    const { holder, other } = await place();
    await holder.acquire('mirror');
    await holder.run(({ locks }) => locks.lock?.recordChild('starting'));
    await holder.kill();

    expect(await other.couldAcquire('mirror')).toBe(false);
    const outcome = await other.run(({ manager }) => {
      const claim = manager.inspect('mirror').holders[0]?.claim ?? '';
      return manager.breakClaim('mirror', claim);
    });
    expect(outcome).toBe('removed');
    expect(await other.couldAcquire('mirror')).toBe(true);
  });

  it('is anonymous is kept for its command all the same, which nobody is told of [H11, R68]', async () => {
    const { holder, other } = await place({ record: 'anonymous' });
    const { child, identity } = worker();
    await holder.acquire('mirror');
    await holder.run(({ locks }, child) => locks.lock?.recordChild(child), identity);
    await holder.kill();

    expect(await other.couldAcquire('mirror')).toBe(false);
    const [shown] = await other.run(({ manager }) => manager.inspect('mirror').holders);
    expect(Object.keys(shown ?? {}).sort()).toEqual(['claim', 'since']);
    await child.kill();
    expect(await other.couldAcquire('mirror')).toBe(true);
  });

  it('made it shared, or exclusive, is kept for its command in the new mode [H11]', async () => {
    const { holder, other } = await place();
    const { child, identity } = worker();
    await holder.acquire('mirror');
    await holder.run(async ({ locks }, child) => {
      locks.lock?.recordChild(child);
      await locks.lock?.downgrade();
      await locks.lock?.upgrade();
      await locks.lock?.downgrade();
    }, identity);
    await holder.kill();

    expect(await other.couldAcquire('mirror')).toBe(false);
    expect(await other.couldAcquire('mirror', { mode: 'shared' })).toBe(true);
    await child.kill();
    expect(await other.couldAcquire('mirror')).toBe(true);
  });

  it('has died is not broken while its command is seen to live [H11]', async () => {
    const { holder, other } = await place();
    const { identity } = worker();
    await holder.acquire('mirror');
    await holder.run(({ locks }, child) => locks.lock?.recordChild(child), identity);
    await holder.kill();

    const outcome = await other.run(({ manager }) => {
      const claim = manager.inspect('mirror').holders[0]?.claim ?? '';
      return manager.breakClaim('mirror', claim);
    });
    expect(outcome).toBe('alive');
  });
});
