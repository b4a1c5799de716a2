import { once } from 'holdfast/once';
import { expect, it, onTestFinished, vi } from 'vitest';
import { Flight } from '../../src/once/flight.ts';
import { gate, within } from '../support/deadline.ts';
import { newHome } from '../support/place.ts';
import { until } from '../support/until.ts';
import { UnderWay } from './under-way.ts';

it('a call may wait inside its run for one that has given up waiting for it [R81]', async () => {
  newHome();
  const joined = vi.spyOn(Flight.prototype, 'join');
  onTestFinished(() => joined.mockRestore());
  const [abort, givenUp] = [new AbortController(), gate()];
  const inner = once('inner', async () => {
    await givenUp.opened;
    return await once('outer', () => 'another');
  });
  const outer = once('outer', async () => {
    const waiting = once('inner', () => 'another', { signal: abort.signal }).catch(() => {});
    await until(() => joined.mock.calls.length === 3, 'outer waits for inner');
    abort.abort();
    await waiting;
    givenUp.open();
    return 'done';
  });

  expect(await Promise.all([inner, outer])).toEqual(['done', 'done']);
});

it.each([
  ['success', (run: UnderWay) => run.succeeds('shared')],
  ['failure', (run: UnderWay) => run.fails(new Error('no'))],
] as const)(
  'a call gets the %s of the run it waits for as soon as another run has begun before it [A1, R81]',
  async (_, end) => {
    newHome();
    const [run, another] = [await UnderWay.begin(), gate()];
    const next = await run.awaitedBy(() => once('build', () => another.opened, { inputs: ['other'] }));
    const call = once('build', () => 'own').catch(({ code }) => code);

    await end(run);

    expect(['shared', 'HOLDFAST_ONCE_FAILED']).toContain(await within(call, 'the call has its outcome'));
    another.open();
    await next.settled;
  },
);
