import { setImmediate } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { identityOf } from '../../src/command/on-record/on-record.ts';
import { recordOf } from '../../src/identity/index.ts';
import { stopperOf } from '../../src/once/stop.ts';
import { UnderWay } from '../once/under-way.ts';
import { newHome } from '../support/place.ts';
import { Bystander, commandOf, stopOf, stoppedClock, stuckCommand } from './stopping.ts';

it('--stop of a command that cannot be killed says so, takes itself back, and kills nobody who has the id of its runner [A13, A17, H1, X59]', async () => {
  const bystander = new Bystander();
  const command = await stuckCommand(newHome());
  const by = { ...recordOf(bystander.pid), start: '1' };
  const run = await UnderWay.begin({ by, ...commandOf(identityOf(command.pid)) });
  const { jump } = stoppedClock();
  let isOver = false;
  const stopping = stopOf(run).finally(() => {
    isOver = true;
  });
  stopping.catch(() => {});
  while (!isOver) {
    jump(1_000);
    await setImmediate();
  }
  await expect(stopping).rejects.toThrow(`build could not be stopped. Look: ps -g ${command.pid}`);
  expect(await bystander.isUntouched()).toBe(true);
  expect(stopperOf(run.store, run.current)).toBeUndefined();
});
