import { describe, expect, it } from 'vitest';
import { identityOf } from '../../src/command/on-record/on-record.ts';
import { recordOf } from '../../src/identity/index.ts';
import { stopperOf } from '../../src/once/stop.ts';
import { UnderWay } from '../once/under-way.ts';
import { Child } from '../support/child.ts';
import { newHome } from '../support/place.ts';
import { Bystander, commandOf, stopOf, stoppedClock } from './stopping.ts';

/** A process that does something at SIGTERM instead of ending. */
async function runnerThat(does: string): Promise<Child> {
  const runner = new Child('sh', ['-c', `trap '${does}' TERM; echo ready; while :; do sleep 0.02; done`]);
  await runner.line('ready');
  return runner;
}

describe('--stop', () => {
  it('does not signal a process that has the id of a runner that is gone [A17, H1, X59]', async () => {
    newHome();
    const bystander = new Bystander();
    const command = new Child('sleep', ['1000'], { detached: true });
    const by = { ...recordOf(bystander.pid), start: '1' };
    const run = await UnderWay.begin({ by, ...commandOf(identityOf(command.pid)) });
    const stopping = stopOf(run);
    await Promise.race([stopping, bystander.hit]);
    expect(await bystander.isUntouched()).toBe(true);
    expect(await stopping).toBe(true);
    expect((await command.exits()).signal).toBe('SIGTERM');
  });

  it('touches nothing when it cannot be told which process runs the task [A17, H3, X59]', async () => {
    newHome();
    const bystander = new Bystander();
    const by = { ...recordOf(bystander.pid), pidNamespace: 'another' };
    const run = await UnderWay.begin({ by });
    await expect(stopOf(run, { ends: 'programs' })).rejects.toThrow(
      /^build is left alone: it cannot be verified that .* is the process that runs it$/,
    );
    expect(stopperOf(run.store, run.current)).toBeUndefined();
    expect(await bystander.isUntouched()).toBe(true);
  });

  it('does not signal the group of a process that has the id of a command that is gone [A17, H1, X59]', async () => {
    newHome();
    const bystander = new Bystander();
    const runner = await runnerThat('echo asked');
    const run = await UnderWay.begin({
      by: recordOf(runner.pid),
      ...commandOf({ pid: bystander.pid, start: '1' }),
    });
    const { jump } = stoppedClock();
    const stopping = stopOf(run);
    await runner.line('asked');
    jump(60_000); // the runner has not ended in the time that it had
    await Promise.race([stopping, bystander.hit]);
    expect(await bystander.isUntouched()).toBe(true);
    expect(await stopping).toBe(true);
    expect((await runner.exits()).signal).toBe('SIGKILL');
  });

  it('is on record before the runner is asked to end, so that nobody who waits runs it again [A13, A17]', async () => {
    newHome();
    const run = await UnderWay.begin();
    const runner = await runnerThat(`ls ${run.store.directory}; exit`);
    run.store.note({ ...run.current, by: recordOf(runner.pid) });
    expect(await stopOf(run, { ends: 'programs' })).toBe(true);
    expect((await runner.exits()).stdout).toContain(`stop-${run.current.id}\n`);
  });
});
