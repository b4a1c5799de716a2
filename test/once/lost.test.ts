import { rmSync } from 'node:fs';
import { once, type RunContext } from 'holdfast/once';
import { expect, it } from 'vitest';
import { NoResult } from '../../src/once/job.ts';
import { placeOf } from '../../src/once/scope.ts';
import { Store } from '../../src/once/store.ts';
import { lossOf } from '../support/events.ts';
import { newHome } from '../support/place.ts';

/** A key, and what takes its lock away from the run that has it: its lock file is not the one at the path any more. */
function losing() {
  newHome();
  const place = placeOf('build');
  const lose = () => rmSync(place.locks.pathOf({ name: place.lock }));
  return { store: new Store(place.records, 'build', 'functions'), lose };
}

/** What a later run, or a person, finds of a run. */
const tracesIn = (store: Store) => ({
  outcomes: [store.success(), store.failure()].filter((record) => record !== undefined),
  ended: store.current()?.ended,
  history: store.history(),
});
const none = { outcomes: [], ended: undefined, history: [] };

it.each<[string, () => unknown]>([
  ['succeeds', () => 'done'],
  ['returns what cannot be recorded', () => new Map()],
  ['has its command ended', () => Promise.reject(new NoResult('was ended by SIGTERM', new Error('ended')))],
])(
  'a run that lost its lock and %s records nothing, and its call is told of the loss [A1, H7, X58]',
  async (_, end) => {
    const { store, lose } = losing();
    const work = () => {
      lose();
      return end();
    };
    await expect(once('build', work)).rejects.toMatchObject({ code: 'HOLDFAST_LOST' });
    expect(tracesIn(store)).toEqual(none);
    expect(await once('build', () => 'made by the next')).toBe('made by the next');
  },
);

it('a run that lost its lock and fails records nothing, and its error is its own call’s alone [A1, A14, H7, X58]', async () => {
  const { store, lose } = losing();
  const boom = new RangeError('boom');
  const work = () => {
    lose();
    throw boom;
  };
  const options = { failureTtl: 60_000 };
  await expect(once('build', work, options)).rejects.toBe(boom);
  expect(tracesIn(store)).toEqual(none);
  expect(await once('build', () => 'made by the next', options)).toBe('made by the next');
});

it('the signal of a run aborts when its lock is lost [A1, H7, X58]', async () => {
  const { lose } = losing();
  const work = ({ signal }: RunContext) => {
    lose();
    return lossOf(signal);
  };
  const reasons: unknown[] = [];
  const call = once('build', async (context) => void reasons.push(await work(context)));
  await expect(call).rejects.toMatchObject({ code: 'HOLDFAST_LOST' });
  expect(reasons).toMatchObject([{ code: 'HOLDFAST_LOST' }]);
});
