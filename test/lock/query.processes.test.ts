import { expect, it } from 'vitest';
import { Agent } from '../support/agent.ts';
import { newPlace } from '../support/place.ts';

it('tells what is held, by whom and since when, across processes [G12]', async () => {
  const { home, locks } = newPlace();
  const agent = await Agent.start({ home });
  await agent.acquire('mirror', { purpose: 'nightly save' }, 'one');
  await agent.acquire('registry', { mode: 'shared' }, 'two');
  const own = await locks.acquire('registry', { mode: 'shared' });
  await (await locks.acquire('idle')).release();

  const { held, pending } = locks.query();

  expect(held.map(({ resource, state }) => [resource, state])).toEqual([
    ['mirror', 'exclusive'],
    ['registry', 'shared'],
  ]);
  expect(held[0]).toMatchObject({
    path: locks.pathOf('mirror'),
    contract: 'kernel',
    holders: [{ pid: agent.pid, purpose: 'nightly save' }],
  });
  const pids = held[1]?.holders.map(({ pid }) => pid);
  expect(pids?.sort()).toEqual([process.pid, agent.pid].sort());
  expect(pending).toEqual([]);
  expect(locks.list().map(({ resource, state }) => [resource, state])).toEqual([
    ['idle', 'free'],
    ['mirror', 'exclusive'],
    ['registry', 'shared'],
  ]);
  await own.release();
});

it('inspects one lock, held by another program too [C6]', async () => {
  const { home, locks } = newPlace();
  const agent = await Agent.start({ home });
  expect(locks.inspect('mirror')).toEqual({
    resource: 'mirror',
    path: locks.pathOf('mirror'),
    state: 'free',
    holders: [],
    waiters: [],
    contract: 'kernel',
  });

  await agent.acquire('mirror');

  expect(locks.inspect('mirror')).toMatchObject({ state: 'exclusive', holders: [{ pid: agent.pid }] });
});
