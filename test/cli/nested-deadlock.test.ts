import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Latch } from '../support/latch.ts';
import { Cli } from './cli.ts';
import { holdfast } from './nest.ts';

it.each(['kernel', 'portable'])(
  'a deadlock of runs is found that take what is held around them once more, together with another lock, under the %s engine [R81, X59]',
  async (engine) => {
    const cli = new Cli();
    const go = new Latch(join(cli.home, 'go'));
    const cross = (name: string) => {
      const script = `echo working; : <'${go.path}'; exec ${holdfast} run a b -- echo both`;
      return cli.start(['run', '--engine', engine, name, '--', 'sh', '-c', script]);
    };
    const runs = [cross('a'), cross('b')];
    await Promise.all(runs.map((run) => run.line('working')));

    go.open();

    const endings = await Promise.all(runs.map((run) => run.finish()));
    expect(endings.map(({ code }) => code).toSorted()).toEqual([0, 125]);
    const failed = endings.find(({ code }) => code === 125);
    expect(failed?.stderr).toContain('would never end: ');
    expect(failed?.stderr).toContain(' holds a and waits for b');
    expect(failed?.stderr).toContain(' holds b and waits for a');
  },
);

it.each(['kernel', 'portable'])(
  'a deadlock is found though a lock that is shared around a run is shared once more in its set, and another one comes first, under the %s engine [R81, X17]',
  async (engine) => {
    const cli = new Cli();
    const go = new Latch(join(cli.home, 'go'));
    const start = (around: string[], inner: string) => {
      const script = `echo working; : <'${go.path}'; exec ${holdfast} run ${inner} -- echo both`;
      return cli.start(['run', '--engine', engine, ...around, '--', 'sh', '-c', script]);
    };
    const runs = [start(['-s', 'b'], '-s a b'), start(['a'], 'b')];
    await Promise.all(runs.map((run) => run.line('working')));

    go.open();

    const endings = await Promise.all(runs.map((run) => run.finish()));
    expect(endings.map(({ code }) => code).toSorted()).toEqual([0, 125]);
    const failed = endings.find(({ code }) => code === 125);
    expect(failed?.stderr).toContain(' holds b and waits for a');
    expect(failed?.stderr).toContain(' holds a and waits for b');
  },
);
