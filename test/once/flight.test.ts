import { once } from 'holdfast/once';
import { expect, it, onTestFinished, vi } from 'vitest';
import { Flight } from '../../src/once/flight.ts';
import { gate } from '../support/deadline.ts';
import { newHome } from '../support/place.ts';
import { until } from '../support/until.ts';

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
