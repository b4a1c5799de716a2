import { expect, it } from 'vitest';
import { Agent } from '../support/agent.ts';
import { newPlace } from '../support/place.ts';

it('who waits in another time namespace has its turn before those who come later [X24, R7]', async () => {
  const { home, locks } = newPlace();
  const held = await locks.acquire('mirror');
  const [outside] = await Agent.several(home, 1);
  const ahead = await Agent.start({ home, through: ['unshare', '--time', '--monotonic', '100000'] });
  await ahead.wait('mirror', { timeout: 120_000 });
  await outside.wait('mirror', { timeout: 120_000 });

  const { waiters } = locks.inspect('mirror');
  await held.release();

  expect(waiters.map(({ record }) => record.pid)).toEqual([ahead.pid, outside.pid]);
  await ahead.granted();
  expect(locks.inspect('mirror').holders).toMatchObject([{ pid: ahead.pid }]);
  await ahead.release();
  await outside.granted();
});
