import { copyFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { once } from 'holdfast/once';
import { expect, it } from 'vitest';
import { type Place, placeOf } from '../../src/once/scope.ts';
import { stateOf } from '../../src/once/state.ts';
import { Store } from '../../src/once/store.ts';
import { newHome } from '../support/place.ts';

/** A key whose run has published nothing yet, although its lock is free; and the step that publishes. */
async function unpublished(): Promise<{ readonly place: Place; readonly publish: () => void }> {
  newHome();
  const place = placeOf('build');
  const file = (name: string) => join(place.records, name);
  await once('build', () => copyFileSync(file('current'), file('kept')));
  renameSync(file('kept'), file('current'));
  renameSync(file('success'), file('kept'));
  const publish = () => {
    renameSync(file('kept'), file('success'));
    rmSync(file('current'));
  };
  return { place, publish };
}

it('of a run whose runner is gone without a word is dead [A13]', async () => {
  const { place } = await unpublished();
  expect(stateOf('build', place, new Store(place.records, 'build', 'any')).name).toBe('dead');
});

it('of a run that ends between the look at its outcome and that at its lock is its outcome [A12]', async () => {
  const { place, publish } = await unpublished();
  let looks = 0;
  const locks = Object.create(place.locks, {
    inspect: {
      value: (target: { name: string }) => {
        if (++looks === 1) publish(); // and the lock is given back at once
        return place.locks.inspect(target);
      },
    },
  });

  expect(stateOf('build', { ...place, locks }, new Store(place.records, 'build', 'any')).name).toBe('done');
  expect(looks).toBe(1);
});
