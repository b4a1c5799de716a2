import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type Child, fixture } from '../support/child.ts';
import { injecting } from '../support/tool.ts';
import { until } from '../support/until.ts';
import { Cli, main } from './cli.ts';

const recorder = ['run', 'x', '--', process.execPath, fixture('cli-recorder.mjs')];

/** Resolves with the wrapper's pid when the recorder is ready, and the wrapper to tell who got a signal. */
async function ready(running: Child): Promise<number> {
  const [, , wrapper = ''] = await running.says(/ready (\d+) (\d+)/);
  const children = () =>
    readFileSync(`/proc/${wrapper}/task/${wrapper}/children`, 'latin1').trim().split(' ');
  await until(() => children().length >= 2, 'the canary and the command run');
  process.kill(Number(wrapper), 'SIGUSR2'); // passed on after the canary has answered
  await running.says(/got SIGUSR2/);
  running.forget();
  return Number(wrapper);
}

/**
 * Every signal the recorder got. The wrapper passes signals on in their order, so SIGUSR2, sent to it alone, is a fence:
 * what the recorder gets at all, it gets before.
 */
async function signalsUpToFence(running: Child, wrapper: number): Promise<string[]> {
  process.kill(wrapper, 'SIGUSR2');
  await running.says(/got SIGUSR2/);
  return running.stdout.match(/SIG\w+/g) ?? [];
}

/** Starts a program in a network of its own, where no other debugger has the port. */
const ALONE_IN_A_NETWORK = `
import fcntl, os, socket, struct, sys
fcntl.ioctl(socket.socket(), 0x8914, struct.pack("16sh22x", b"lo", 1)) # SIOCSIFFLAGS: IFF_UP
os.execvp(sys.argv[1], sys.argv[1:])
`;

describe('the port for debuggers, to which Node.js listens', () => {
  const network = ['unshare', '--net', 'python3', '-c', ALONE_IN_A_NETWORK];
  const listening = 'grep -c :240D /proc/net/tcp';

  it('is closed where a USR1 opened it while Node.js started, and the command gets the signal [X38]', async () => {
    const signalled = injecting('openat', 'signal=USR1:when=1', main);
    const script = `trap "${listening}; exit 3" USR1; while :; do sleep 0.1; done`;
    const words = [...network, ...signalled, process.execPath, main, 'run', 'x', '--', 'sh', '-c', script];
    const [program = '', ...args] = words;
    expect(await new Cli().program(program, args).exits()).toMatchObject({
      code: 3,
      stdout: '0\n',
      stderr: expect.stringMatching(/^Debugger listening on/),
    });
  });

  it('stays where somebody asked for it, and is no descriptor of the command [X38, X43]', async () => {
    const inode = `$(awk '/:240D/ { print $10 }' /proc/net/tcp)`;
    const script = `${listening}; ls -l /proc/$$/fd | grep -c "socket:.${inode}"; exit 3`;
    const words = [...network, process.execPath, '--inspect', main, 'run', 'x', '--', 'sh', '-c', script];
    const [program = '', ...args] = words;
    expect(await new Cli().program(program, args).exits()).toMatchObject({ code: 3, stdout: '1\n0\n' });
  });
});

describe('a signal reaches the command exactly once', () => {
  it('when Ctrl-C is typed on the terminal, which sends it to the whole group [A5, H25]', async () => {
    const running = new Cli().onTerminal(recorder);
    const wrapper = await ready(running);
    running.write('\u0003');
    await running.says(/got SIGINT/);
    expect(await signalsUpToFence(running, wrapper)).toEqual(['SIGINT', 'SIGUSR2']);
  });

  it('when Ctrl-C is typed again and again [A5, H25]', async () => {
    const running = new Cli().onTerminal(recorder);
    const wrapper = await ready(running);
    for (let times = 1; times <= 3; times++) {
      running.write('\u0003');
      await running.says(new RegExp(`(got SIGINT[^]*){${times}}`));
      process.kill(wrapper, 'SIGUSR2');
      await running.says(new RegExp(`(got SIGUSR2[^]*){${times}}`));
    }
    const expected = ['SIGINT', 'SIGUSR2'];
    expect(running.stdout.match(/SIG\w+/g)).toEqual([...expected, ...expected, ...expected]);
  });

  it.each(['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1'] as const)(
    'when %s is sent to holdfast alone, on a terminal [A5, H25]',
    async (signal) => {
      const running = new Cli().onTerminal(recorder);
      const wrapper = await ready(running);
      process.kill(wrapper, signal);
      await running.says(new RegExp(`got ${signal}`));
      expect(await signalsUpToFence(running, wrapper)).toEqual([signal, 'SIGUSR2']);
    },
  );

  it.each(['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1'] as const)(
    'when %s is sent to holdfast alone, without a terminal [A5, H25]',
    async (signal) => {
      const running = new Cli().start(recorder, { detached: true });
      await ready(running);
      process.kill(running.pid, signal);
      await running.says(new RegExp(`got ${signal}`));
      expect(await signalsUpToFence(running, running.pid)).toEqual([signal, 'SIGUSR2']);
    },
  );

  it.each(['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1'] as const)(
    'when %s is sent to the whole group [A5, H25]',
    async (signal) => {
      const running = new Cli().start(recorder, { detached: true });
      await ready(running);
      process.kill(-running.pid, signal);
      await running.says(new RegExp(`got ${signal}`));
      expect(await signalsUpToFence(running, running.pid)).toEqual([signal, 'SIGUSR2']);
    },
  );
});

describe('a signal that ends the command', () => {
  it.each(['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1'] as const)(
    '%s ends holdfast too, and frees the lock [A5, C4, H25]',
    async (signal) => {
      const cli = new Cli();
      const running = cli.start(['run', 'x', '--', 'sh', '-c', 'ulimit -c 0; echo ready; exec sleep 60']);
      await running.says(/ready/);
      process.kill(running.pid, signal);
      expect(await running.exits()).toMatchObject({ code: null, signal, stderr: '' });
      expect((await cli.run(['who', 'x'])).code).toBe(1);
    },
  );

  it('frees the lock when the command is killed [A5, R10]', async () => {
    const cli = new Cli();
    const running = cli.start(['run', 'x', '--', 'sh', '-c', 'echo ready $$; exec sleep 60']);
    const [, command] = await running.says(/ready (\d+)/);
    process.kill(Number(command), 'SIGKILL');
    expect((await running.exits()).code).toBe(137);
    expect((await cli.run(['who', 'x'])).code).toBe(1);
  });

  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    '%s while holdfast waits ends the wait, runs nothing and holds nothing [C4, H25]',
    async (signal) => {
      const cli = new Cli();
      const holder = await cli.hold('x');
      const waiter = cli.start(['run', 'x', '--', 'echo', 'ran']);
      await waiter.says(/waiting for x/, 'stderr');
      process.kill(waiter.pid, signal);
      expect(await waiter.exits()).toMatchObject({ code: null, signal, stdout: '' });
      await holder.finish();
      expect((await cli.run(['who', 'x'])).code).toBe(1);
    },
  );
});

describe('kill -9 of holdfast itself', () => {
  it('leaves the lock with the command until that ends [H11, A5, R10]', async () => {
    const cli = new Cli();
    const running = cli.start(['run', 'x', '--', 'sh', '-c', 'echo ready $$; exec sleep 60']);
    const [, command] = await running.says(/ready (\d+)/);
    const isRecorded = async () => (await cli.run(['who', 'x'])).stdout.includes(`command pid ${command}`);
    await until(isRecorded, 'the command is recorded'); // just after the start
    await running.killAlone();
    expect((await cli.run(['run', '-n', 'x', '--', 'echo', 'ran'])).code).toBe(75);
    const who = await cli.run(['who', 'x']);
    expect(who).toMatchObject({ code: 0, stdout: expect.stringContaining(`command pid ${command}`) });
    const waiter = cli.start(['run', 'x', '--', 'echo', 'ran']);
    await waiter.says(/waiting for x/, 'stderr');
    process.kill(Number(command), 'SIGKILL');
    expect(await waiter.exits()).toMatchObject({ code: 0, stdout: 'ran\n' });
  });
});
