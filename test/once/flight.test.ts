import { setImmediate as nextTick } from 'node:timers/promises';
import { OnceAbandonedError, OnceStoppedError } from 'holdfast';
import { once } from 'holdfast/once';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { Flight } from '../../src/once/flight.ts';
import { outcomeOf } from '../../src/once/once.ts';
import { recordStop, withdrawStop } from '../../src/once/stop.ts';
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

/** A run of another command, which waits its turn until it is opened. */
async function anotherCommand(run: UnderWay) {
  const { opened, open } = gate();
  const task = { command: ['other'], digest: '1'.repeat(32), cwd: '/', environment: {} };
  const at = { place: run.place, store: run.store.narrowedTo({ ...run.current, task }) };
  const { settled } = await run.awaitedBy(() => outcomeOf('build', () => opened, { task, at }));
  return { open, settled };
}

describe('a call whose run is stopped while that of another command stands before it', () => {
  it('is failed as soon as the run is over and the other one has begun [A13, X42]', async () => {
    newHome();
    const run = await UnderWay.begin();
    const other = await anotherCommand(run);
    const call = await run.awaitedBy(() => once('build', () => 'own'));

    recordStop(run.store, run.current);
    run.store.note({ ...run.current, ended: 'was ended by SIGTERM' });
    run.leaves();

    const failure = within(call.settled, 'the call is over');
    await expect(failure).rejects.toBeInstanceOf(OnceStoppedError);
    other.open();
    await other.settled;
  });

  it('is not failed by a stop that is withdrawn, so that the run goes on [A13, X42]', async () => {
    newHome();
    const run = await UnderWay.begin();
    const leave = new AbortController();
    const other = await run.awaitedBy(() =>
      once('build', () => 'other', { inputs: ['other'], signal: leave.signal }),
    );
    const { settled } = await run.awaitedBy(() => once('build', () => 'own'));
    recordStop(run.store, run.current);

    leave.abort();
    await other.settled.catch(() => {});
    await nextTick();
    withdrawStop(run.store, run.current);
    await run.succeeds('shared');

    expect(await settled).toBe('shared');
  });
});

it('a call gives up as soon as the run is over that uses up its attempts, also when another command runs before it [A1, X42]', async () => {
  newHome();
  const run = await UnderWay.begin({ attempt: 2 });
  const other = await anotherCommand(run);
  const [last, more] = await Promise.all(
    [2, 3].map((attempts) =>
      run.awaitedBy(() => once('build', ({ attempt }) => attempt, { attempts, inputs: [`${attempts}`] })),
    ),
  );

  run.store.note({ ...run.current, ended: 'was ended by SIGTERM' });
  run.leaves();

  const failure = within(last?.settled as Promise<unknown>, 'the call is over');
  await expect(failure).rejects.toBeInstanceOf(OnceAbandonedError);
  await expect(failure).rejects.toThrow(
    'was tried 2 times in a row without a result; the last run was ended by SIGTERM.',
  );
  other.open();
  await other.settled;
  expect(await more?.settled).toBe(3);
});
