import { expect, it } from 'vitest';
import { Agent } from '../support/agent.ts';
import { Barrier } from '../support/barrier.ts';
import { newPlace } from '../support/place.ts';
import { untilAsleepIn } from '../support/until.ts';

const SEMAPHORE = { permits: 2 } as const;

it('a lock with permits is not shared without permits by one who came before them and marks it after them [X8]', async () => {
  const { home, locks } = newPlace();
  const [reader, other] = await Agent.several(home, 2);
  const held = await Barrier.before(1, `${locks.pathOf('pool')}.queue`, [reader]);
  const shared = reader.acquire('pool', { mode: 'shared' });
  await untilAsleepIn(reader.pid, 'wait_for_partner'); // it has the lock file, and goes on to leave its mark

  await other.acquire('pool', SEMAPHORE);
  await Promise.all([held.pass(), expect(shared).rejects.toMatchObject({ code: 'HOLDFAST_PERMITS' })]);
});
