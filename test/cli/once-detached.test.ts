import { expect, it } from 'vitest';
import { stateAfter } from '../../src/cli/once/detached.ts';
import { marksOf } from '../../src/once/job.ts';
import { success, UnderWay } from '../once/under-way.ts';
import { newHome } from '../support/place.ts';

/** A run of a command by somebody who has the lock, and what the first word of the background says of a start beside it. */
async function commandUnderWay(digest: string, inputs: string | null = null) {
  newHome();
  const task = { command: ['make'], digest, cwd: '/', environment: {} };
  const { current, place, store } = await UnderWay.begin({ task, inputs });
  const record = success('done', { id: current.id, run: current.run, inputs });
  const ends = () =>
    store.publish({ ...record, header: { ...record.header, command: digest } }, { value: 'done' });
  const startOf = (command: string, ownInputs: string | null = null) => {
    const key = {
      id: 'build',
      place,
      store: store.narrowedTo({ ...current, task: { ...task, digest: command } }),
    };
    const before = marksOf(key.store);
    return () => stateAfter({ event: 'waiting' }, key, before, ownInputs);
  };
  return { ends, startOf };
}

it('a start in the background beside the same command is told by its outcome as soon as there is one, whoever has the lock [X42, R82]', async () => {
  const [own, other] = ['0'.repeat(32), '1'.repeat(32)] as const;
  const { ends, startOf } = await commandUnderWay(own);
  const [same, another] = [startOf(own), startOf(other)];
  expect([same(), another()]).toEqual(['running', 'waiting']);

  await ends();

  expect([same(), another()]).toEqual(['finished', 'waiting']);
  expect(startOf(own)()).toBe('waiting'); // it came later, and takes no outcome that does not count any more
});

it('a start in the background is not told by the run of other inputs, nor by its outcome [X58, R82]', async () => {
  const own = '0'.repeat(32);
  const { ends, startOf } = await commandUnderWay(own, 'a');
  const [same, changed] = [startOf(own, 'a'), startOf(own, 'b')];
  expect([same(), changed()]).toEqual(['running', 'waiting']);

  await ends();

  expect([same(), changed()]).toEqual(['finished', 'waiting']);
});
