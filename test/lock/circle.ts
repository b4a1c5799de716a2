import { gate } from '../support/deadline.ts';
import { newLocks } from '../support/place.ts';
import { until } from '../support/until.ts';

/** Two bodies that each want what the other holds; the error of the one that lost, which came second. */
export async function cycleInThisProcess(): Promise<unknown> {
  const locks = newLocks();
  let lost: unknown;
  const { opened: ready, open: bothHold } = gate();
  const first = locks.with('a', async () => {
    await ready;
    await locks.with('b', { timeout: 120_000 }, () => {});
  });
  const second = locks.with('b', async () => {
    bothHold();
    await until(() => locks.query().pending.length === 1, 'the first waits');
    lost = await locks.acquire('a', { timeout: 120_000 }).catch((error) => error);
  });
  await Promise.all([first, second]);
  return lost;
}
