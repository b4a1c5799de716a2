import { describe, expect, it, onTestFinished } from 'vitest';
import { processFacts } from '../../src/identity/index.ts';
import { until } from '../support/until.ts';
import { holdfast, LATER, Nest, WORK } from './nest.ts';

const isGone = (pid: number) => processFacts.look(pid)?.isZombie !== false;

/** Expects that all permits but one are to be had, and that it counts as held. */
async function hasOneTaken(nest: Nest, permits: number): Promise<void> {
  const others = [];
  for (let free = 1; free < permits; free++) others.push(await nest.cli.hold('--permits', `${permits}`, 'j'));
  await nest.isBusy('--permits', `${permits}`);
  await nest.isBusy();
  const another = ['run', '-n', '--permits', `${permits + 1}`, 'j', '--', 'echo', 'SECOND'];
  expect(await nest.cli.run(another)).toMatchObject({ code: 125, stdout: '' });
  expect(await nest.cli.run(['run', '-n', '-s', 'j', '--', 'echo', 'SECOND'])).toMatchObject({
    code: 125,
    stdout: '',
  });
  await Promise.all(others.map((other) => other.finish()));
}

describe.each(['kernel', 'portable'])('a run inside a run with a permit, under the %s engine', (engine) => {
  const outside = `--engine ${engine} --permits`;

  it.each([
    ['', 2, `${holdfast} run --permits 2 j -- sh -c ${WORK}`],
    [
      'once more inside another one',
      1,
      `${holdfast} run --permits 1 j -- ${holdfast} run --permits 1 j -- sh -c ${WORK}`,
    ],
  ])('keeps this one permit when the outer one ends %s [X1, X2, A5]', async (_how, permits, inner) => {
    const nest = new Nest();
    const outer = nest.outer(`${outside} ${permits} j`, inner);
    await outer.line('working');
    outer.closeInput();
    await outer.exited; // without waiting for the inner one

    await hasOneTaken(nest, permits);
    const { holders } = await nest.who();
    expect(holders.filter(({ nested, child }) => nested !== true || child === undefined)).toEqual([]);
    expect(holders).toHaveLength(permits === 2 ? 1 : 2);
    await nest.letGo();
    expect((await outer.exits()).stdout).toContain('done');
    expect((await nest.who()).state).toBe('free');
  });

  it('keeps it when the outer one is killed with its command, and when it is killed itself [X1, X2, A5]', async () => {
    const nest = new Nest();
    const inner = `echo pid $$; ${holdfast} run --permits 2 j -- sh -c 'echo inner $PPID; exec sh -c "$1"' - ${WORK}`;
    const outer = nest.outer(`${outside} 2 j`, inner);
    const command = Number((await outer.line('pid ')).slice(4));
    const wrapper = Number((await outer.line('inner ')).slice(6));
    await outer.line('working');
    outer.signal('SIGKILL');
    process.kill(command, 'SIGKILL');
    process.kill(wrapper, 'SIGKILL');
    await until(() => isGone(command) && isGone(wrapper), 'both are gone');

    await hasOneTaken(nest, 2);
    await nest.letGo();
  });

  it('has its siblings wait, and nobody under another permit [X2]', async () => {
    const nest = new Nest();
    const sibling = `${holdfast} run -n --permits 2 j -- echo SECOND; echo "code $?"; ${holdfast} run --permits 2 j -- echo last`;
    const inner = `${holdfast} run --permits 2 j -- sh -c ${WORK} & (${LATER}; ${sibling})`;
    const outer = nest.outer(`${outside} 2 j`, inner);
    await outer.line('working');
    nest.begin();
    expect(await outer.line('code ')).toBe('code 75');
    await nest.waits(1);

    const beside = [
      'run',
      '--permits',
      '2',
      'j',
      '--',
      'sh',
      '-c',
      `${holdfast} run --permits 2 j -- echo beside`,
    ];
    expect((await nest.cli.run(beside)).stdout).toBe('beside\n');
    expect((await nest.who()).waiters).toMatchObject([{ record: { nested: true } }]);
    nest.go();
    await outer.line('last');
    expect((await outer.finish()).stdout).toBe('working\ncode 75\ndone\nlast\n');
  });

  it('is done by six at a time, one after the other, as xargs starts them [X2]', async () => {
    const nest = new Nest();
    const alone = `mkdir "$HOLDFAST_HOME/alone" && rmdir "$HOLDFAST_HOME/alone" && echo ran`;
    const all = `seq 6 | xargs -P6 -I{} ${holdfast} run --permits 2 j -- sh -c '${alone}'`;
    const { code, stdout } = await nest.cli.run([
      'run',
      ...`${outside} 2 j`.split(' '),
      '--',
      'sh',
      '-c',
      all,
    ]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'ran\n'.repeat(6) });
  });

  it('is found and ended by break when the outer one has gone [X1, X3, A4]', async () => {
    const nest = new Nest();
    const outer = nest.outer(`${outside} 1 j`, `${holdfast} run --permits 1 j -- sh -c ${WORK}`);
    await outer.line('working');
    outer.closeInput();
    await outer.exited;

    const { code, stdout } = await nest.cli.run(['break', '--kill', '--yes', 'j']);
    expect(code).toBe(0);
    expect(stdout).toContain('j is free');
    expect((await nest.cli.run(['run', '-n', 'j', '--', 'echo', 'next'])).stdout).toBe('next\n');
  });

  it('tells the next one under the same permit that it died [X2, X14]', async () => {
    const nest = new Nest();
    const first = `${holdfast} run --permits 1 j -- sh -c 'echo working $PPID $$; exec sleep 1000'`;
    const second = `${LATER}; ${holdfast} run --permits 1 j -- sh -c 'echo "died: $HOLDFAST_RECOVERED"'`;
    const outer = nest.outer(`${outside} 1 j`, `${first} & (${second})`);
    const pids = (await outer.line('working ')).split(' ').slice(1).map(Number);
    for (const pid of pids) process.kill(pid, 'SIGKILL');
    nest.begin();
    expect(await outer.line('died: ')).toBe('died: j');
    await outer.finish();
  });
});

describe.each(['kernel', 'portable'])('a command with a permit, under the %s engine', (engine) => {
  const outside = ['run', '--engine', engine, '--permits', '1', 'j', '--', 'sh', '-c'];

  it('keeps it when its holdfast is killed [A5]', async () => {
    const nest = new Nest();
    const run = nest.cli.start([...outside, `echo working; ${LATER}`]);
    await run.line('working');
    run.signal('SIGKILL');
    await run.exited;

    await nest.isBusy('--permits', '1');
    nest.begin();
    expect((await nest.cli.run(['run', '--permits', '1', 'j', '--', 'echo', 'next'])).stdout).toBe('next\n');
  });

  it('leaves it to those who outlive it after a signal [X3, A5]', async () => {
    const nest = new Nest();
    const script = `sh -c 'trap "" TERM; echo worker $$; while :; do sleep 0.01; done'; true`;
    const run = nest.cli.start([...outside, script]);
    const worker = Number((await run.line('worker ')).slice(7));
    onTestFinished(() => {
      if (!isGone(worker)) process.kill(worker, 'SIGKILL');
    });
    run.signal('SIGTERM');
    await run.exited;

    await nest.isBusy('--permits', '1');
    process.kill(worker, 'SIGKILL');
    expect((await nest.cli.run(['run', '--permits', '1', 'j', '--', 'echo', 'next'])).stdout).toBe('next\n');
  });
});
