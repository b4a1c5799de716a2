import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { processFacts } from '../../src/identity/index.ts';
import { bindMount } from '../support/disk.ts';
import { makeFifo, tool } from '../support/tool.ts';
import { until } from '../support/until.ts';
import { type Cli, main } from './cli.ts';
import { holdfast, LATER, Nest, WORK } from './nest.ts';

/** Closes every descriptor that was inherited, as npm, Node.js and Python do for what they start. */
const CLOSING = `python3 -c 'import os,subprocess,sys; subprocess.run(sys.argv[1:])'`;

/** A file that was locked once, and its path in a read-only mount. */
async function readOnlyMount(cli: Cli): Promise<{ file: string; same: string }> {
  const [data, mount] = [join(cli.home, 'data'), join(cli.home, 'mount')];
  mkdirSync(data);
  const [file, same] = [join(data, 'file'), join(mount, 'file')];
  await cli.run(['run', file, '--', 'true']);
  bindMount(data, mount);
  tool('mount', ['-o', 'remount,bind,ro', mount]);
  return { file, same };
}

/** The same as Node.js programs do. */
const NODE = `"${process.execPath}" -e 'require("node:child_process").spawnSync(process.argv[1], process.argv.slice(2), { stdio: "inherit" })'`;

describe('a run inside a run of the same lock', () => {
  it.each([
    ['in the background', 'j', `${holdfast} run j -- sh -c ${WORK}`],
    ['under the portable engine', '--engine portable j', `${holdfast} run j -- sh -c ${WORK}`],
    ['in a session of its own', 'j', `setsid ${holdfast} run j -- sh -c ${WORK}`],
    ['through a program that closes descriptors', 'j', `${CLOSING} ${holdfast} run j -- sh -c ${WORK}`],
    ['through Node.js', 'j', `${NODE} ${holdfast} run j -- sh -c ${WORK}`],
    ['inside another one', 'j', `${holdfast} run j -- ${holdfast} run j -- sh -c ${WORK}`],
    ['inside a once', 'j', `${holdfast} once task -- ${holdfast} run j -- sh -c ${WORK}`],
    ['shared inside an exclusive one', 'j', `${holdfast} run -s j -- sh -c ${WORK}`],
    ['shared inside a shared one', '-s j', `${holdfast} run -s j -- sh -c ${WORK}`],
    ['shared, portable', '-s --engine portable j', `${holdfast} run -s j -- sh -c ${WORK}`],
  ])('keeps the lock when the outer one ends: %s [X1, A5]', async (_how, options, inner) => {
    const nest = new Nest();
    const outer = nest.outer(options, inner);
    await outer.line('working');
    outer.closeInput();
    await outer.exited; // without waiting for the inner one

    await nest.isBusy();
    const { state, holders } = await nest.who();
    expect({ state, known: holders.length > 0 }).toMatchObject({ known: true });
    await nest.letGo();
    expect((await outer.exits()).stdout).toContain('done');
    expect((await nest.who()).state).toBe('free');
  });

  it('keeps it through npm, which closes descriptors too [X1, A5]', async () => {
    const nest = new Nest();
    const script = { scripts: { inner: `${holdfast} run j -- sh -c ${WORK}` } };
    writeFileSync(join(nest.cli.home, 'package.json'), JSON.stringify(script));
    const outer = nest.outer('j', 'npm --prefix "$HOLDFAST_HOME" --silent run inner');
    await outer.line('working');
    outer.closeInput();
    await outer.exited;

    await nest.isBusy();
    await nest.letGo();
  });

  it.each([
    ['', ''],
    ['', '--engine portable'],
    ['-s', ''],
    ['-s', '--engine portable'],
  ])('keeps the lock when the outer one is killed with its command %s %s [X1, A5]', async (mode, engine) => {
    const nest = new Nest();
    const options = [mode, engine, 'j'].filter(Boolean).join(' ');
    const outer = nest.outer(options, `echo pid $$; ${holdfast} run ${mode} j -- sh -c ${WORK}`);
    const command = Number((await outer.line('pid ')).slice(4));
    await outer.line('working');
    outer.signal('SIGKILL');
    process.kill(command, 'SIGKILL');

    await nest.isBusy();
    await nest.letGo();
    expect((await nest.who()).state).toBe('free');
  });

  it('begins under the lock that the command has kept when the outer holdfast was killed [X1, A5]', async () => {
    const nest = new Nest();
    const outer = nest.outer('j', `(${LATER}; ${holdfast} run j -- sh -c ${WORK})`);
    await until(async () => (await nest.who()).holders[0]?.child !== undefined, 'the command is on record');
    outer.signal('SIGKILL');
    await outer.exited;
    const waiting = nest.cli.start(['run', 'j', '--', 'echo', 'next']);
    await nest.waits(1);

    nest.begin();
    await outer.line('working');
    nest.go();
    outer.closeInput();
    expect((await waiting.exits()).stdout).toBe('next\n');
  });

  it('tells the next holder that it died [X1, X14]', async () => {
    const nest = new Nest();
    const outer = nest.outer('j', `${holdfast} run j -- sh -c 'echo working $PPID $$; exec sleep 1000'`);
    const [, wrapper, work] = (await outer.line('working')).split(' ').map(Number) as [
      number,
      number,
      number,
    ];
    outer.closeInput();
    await outer.exited;
    await nest.isBusy();
    process.kill(wrapper, 'SIGKILL');
    process.kill(work, 'SIGKILL');

    const { stdout } = await nest.cli.run(['run', 'j', '--', 'printenv', 'HOLDFAST_RECOVERED']);
    expect(stdout).toBe('j\n');
  });

  it.each(['', '--engine portable'])(
    'excludes its siblings, and shares with those that share %s [X2]',
    async (engine) => {
      const nest = new Nest();
      const options = `${engine} j`.trim();
      const others = `${holdfast} run -n j -- echo SECOND; echo "code $?"; ${holdfast} run j -- echo last`;
      const outer = nest.outer(options, `${holdfast} run j -- sh -c ${WORK} & (${LATER}; ${others})`);
      await outer.line('working');
      nest.begin();
      expect(await outer.line('code ')).toBe('code 75');
      nest.go();
      await outer.line('last');
      expect((await outer.finish()).stdout).toBe('working\ncode 75\ndone\nlast\n');

      makeFifo(join(nest.cli.home, 'meet')); // which opens for either when the other opens it too
      const meet = (how: '<' | '>') => `${holdfast} run -s j -- sh -c ': ${how}meet'`;
      const both = await nest.cli.run([
        'run',
        ...options.split(' '),
        '--',
        'sh',
        '-c',
        `cd "$HOLDFAST_HOME"; ${meet('<')} & ${meet('>')}; wait`,
      ]);
      expect(both.code).toBe(0);
    },
  );

  it.each(['', '--engine portable'])('is seen to wait for its sibling %s [X2]', async (engine) => {
    const nest = new Nest();
    const inner = `${holdfast} run j -- sh -c ${WORK} & (${LATER}; ${holdfast} run j -- echo last)`;
    const outer = nest.outer(`${engine} j`.trim(), inner);
    await outer.line('working');
    nest.begin();
    await nest.waits(1);

    expect((await nest.who()).waiters).toMatchObject([{ mode: 'exclusive', record: { nested: true } }]);
    expect(await nest.cli.json(['top', '--count', '1', '--json'])).toMatchObject({
      locks: [{ resource: 'j', waiters: [{ record: { nested: true } }] }],
    });
    nest.go();
    await outer.line('last');
    expect((await outer.finish()).code).toBe(0);
  });

  it.each(['', '--engine portable'])(
    'that shares passes a writer who waits for the outer one %s [X2, A5]',
    async (engine) => {
      const nest = new Nest();
      const outer = nest.outer(
        `-s ${engine} j`.replace(/ +/g, ' '),
        `(${LATER}; ${holdfast} run -s j -- echo inner)`,
      );
      await until(async () => (await nest.who()).state === 'shared', 'the outer one shares the lock');
      const writer = nest.cli.start(['run', 'j', '--', 'echo', 'next']);
      await nest.waits(1);

      nest.begin();
      await outer.line('inner');
      outer.closeInput();
      expect((await writer.exits()).stdout).toBe('next\n');
    },
  );

  it.each([
    [['-s'], [], 'held shared', 'taking it exclusive'],
    [['-s'], ['--permits', '2'], 'held shared', 'taking it as one of 2 permits'],
    [['--permits', '2'], ['--permits', '3'], 'held as one of 2 permits', 'taking it as one of 3 permits'],
    [['--permits', '2'], ['-s'], 'held as one of 2 permits', 'taking it shared'],
  ])(
    'is refused with 125, naming both, when the outer one has %j and it asks for %j [X2]',
    async (had, asked, held, taking) => {
      const { cli } = new Nest();
      const inner = [process.execPath, main, 'run', ...asked, 'j', '--', 'echo', 'inner'];
      const { code, stdout, stderr } = await cli.run(['run', ...had, 'j', '--', ...inner]);
      expect({ code, stdout }).toEqual({ code: 125, stdout: '' });
      expect(stderr).toContain(held);
      expect(stderr).toContain(taking);
    },
  );

  it('is refused with 125 on a read-only mount, where nothing in the lock file would keep it [X1, X56]', async () => {
    const { cli } = new Nest();
    const { file, same } = await readOnlyMount(cli);
    const inner = [process.execPath, main, 'run', same, '--', 'echo', 'inner'];
    const { code, stdout, stderr } = await cli.run(['run', same, '--', ...inner]);
    expect({ code, stdout }).toEqual({ code: 125, stdout: '' });
    expect(stderr).toContain('its lock file cannot be written');
    expect((await cli.run(['run', '-n', file, '--', 'echo', 'next'])).stdout).toBe('next\n');
  });

  it('keeps the lock also from who comes by a read-only mount [X1, X56]', async () => {
    const nest = new Nest();
    const { file, same } = await readOnlyMount(nest.cli);
    const outer = nest.outer(file, `${holdfast} run "${file}" -- sh -c ${WORK}`);
    await outer.line('working');
    outer.closeInput();
    await outer.exited;

    expect((await nest.cli.run(['run', '-n', same, '--', 'echo', 'SECOND'])).code).toBe(75);
    const next = nest.cli.start(['run', same, '--', 'sh', '-c', 'echo next; cat']);
    nest.go();
    await next.line('next');
    expect((await nest.cli.run(['run', '-n', file, '--', 'echo', 'SECOND'])).code).toBe(75);
    expect((await next.finish()).code).toBe(0);
    expect((await nest.cli.run(['run', '-n', file, '--', 'echo', 'last'])).stdout).toBe('last\n');
  });

  it('is no part of a once run in the background, which takes the lock itself [X1, A13]', async () => {
    const nest = new Nest();
    const outer = nest.outer(
      'j',
      `${holdfast} once --detach task -- sh -c 'echo "<$HOLDFAST_HELD>" >"$HOLDFAST_HOME/held"; ls -l /proc/self/fd >"$HOLDFAST_HOME/fds"'`,
    );
    await until(() => existsSync(join(nest.cli.home, 'fds')), 'the task has looked');
    await nest.cli.run(['once', '--wait', 'task']);
    expect(readFileSync(join(nest.cli.home, 'held'), 'utf8')).not.toContain(`/j~`);
    expect(readFileSync(join(nest.cli.home, 'fds'), 'utf8')).not.toContain('/j~');
    outer.closeInput();
    await outer.exits();
  });
});

describe('a nested holder whose outer one has gone', () => {
  it.each(['', '--engine portable'])(
    'is seen by who, top and wait, and ended by break %s [X1, A4]',
    async (engine) => {
      const nest = new Nest();
      const outer = nest.outer(`${engine} j`.trim(), `${holdfast} run j -- sh -c ${WORK}`);
      await outer.line('working');
      outer.closeInput();
      await outer.exited;

      const { holders } = await nest.who();
      expect(holders).toEqual([expect.objectContaining({ nested: true, child: expect.anything() })]);
      const top = await nest.cli.json(['top', '--count', '1', '--json']);
      expect(top).toMatchObject({ locks: [{ resource: 'j', state: 'exclusive', holders }] });
      const table = await nest.cli.run(['top', '--count', '1']);
      expect(table.stdout).toMatch(new RegExp(`^j +exclusive .* ${holders[0]?.pid} `, 'm'));
      expect((await nest.cli.run(['wait', '-w', '50ms', 'j'])).code).toBe(124);
      const { code, stdout } = await nest.cli.run(['break', '--kill', '--yes', 'j']);
      expect(code).toBe(0);
      expect(stdout).toContain('j is free');
      expect((await nest.cli.run(['run', '-n', 'j', '--', 'echo', 'next'])).stdout).toBe('next\n');
    },
  );
});

describe('what nested runs left when they were killed', () => {
  it('is removed by clean: the ticket of one who waited [X1, F12]', async () => {
    const nest = new Nest();
    const second = `${LATER}; exec ${holdfast} run j -- true`;
    const outer = nest.outer('j', `${holdfast} run j -- sh -c ${WORK} & (${second}) & echo "second $!"`);
    const pid = Number((await outer.line('second ')).slice(7));
    await outer.line('working');
    nest.begin();
    await nest.waits(1);
    process.kill(pid, 'SIGKILL');

    await until(() => processFacts.look(pid)?.isZombie !== false, 'it is gone');

    const { stdout } = await nest.cli.run(['clean', 'j']);
    // Who waited for longer than a tenth of a second left a note for the search for deadlocks as well.
    expect(stdout).toMatch(/^removed ticket .*\.nested\.queue\/.*-exclusive-.*: its owner is dead$/m);
    expect(stdout).toMatch(/^(removed ticket .*: its owner is dead\n)+$/);
    nest.go();
    await outer.finish();
  });
});
