import { promises } from 'node:fs';
import { once } from 'holdfast/once';
import { expect, it, onTestFinished } from 'vitest';
import { placeOf } from '../../src/once/scope.ts';
import { Store } from '../../src/once/store.ts';
import { gate, within } from '../support/deadline.ts';
import { newHome } from '../support/place.ts';
import { staysOpen } from '../support/turns.ts';

/** Holds back every file that is about to be written for its new name, as a slow disk may, until `release`. */
function slowDisk() {
  const asked = gate();
  const { opened: released, open: release } = gate();
  const { open } = promises;
  promises.open = async (path, ...rest) => {
    if (String(path).endsWith('.tmp')) {
      asked.open();
      await released;
    }
    return open(path, ...rest);
  };
  onTestFinished(() => {
    promises.open = open;
  });
  return { asked: within(asked.opened, 'waiting for the record to be written'), release };
}

it('a run holds its lock, and its result goes to nobody, until the result is on the disk [A1, G4]', async () => {
  newHome();
  const { asked, release } = slowDisk();
  const { records, locks, lock } = placeOf('build');
  const store = new Store(records, 'build', 'functions');
  const call = once('build', () => 'made');
  await asked;
  expect(await staysOpen(call)).toBe(true);
  expect(locks.inspect({ name: lock }).state).toBe('exclusive');
  expect(store.success()).toBeUndefined();
  release();
  expect(await call).toBe('made');
  expect(store.success()?.body.toString()).toBe('"made"');
});
