import { readdirSync } from 'node:fs';
import { OnceAbandonedError, OnceStoppedError } from 'holdfast';
import { once } from 'holdfast/once';
import { describe, expect, it } from 'vitest';
import { placeOf } from '../../src/once/scope.ts';
import { stateOf } from '../../src/once/state.ts';
import { recordStop } from '../../src/once/stop.ts';
import { Store } from '../../src/once/store.ts';
import { newHome } from '../support/place.ts';
import { currentRun, success, UnderWay } from './under-way.ts';

const attempt = (attempts = 3) => once('build', (context) => context.attempt, { attempts });

/** What a command of the key runs, of which there are many. */
function task(number: number) {
  const digest = number.toString(16).padStart(32, '0');
  return { command: ['other', String(number)], digest, cwd: '/', environment: {} };
}

/** Another command's turn after a run: it begins, and has an outcome unless it dies too. */
async function another(store: Store, how: 'succeeds' | 'dies', run = 2): Promise<void> {
  const current = currentRun({ run, id: `b${run}`, task: task(run) });
  await store.begin(current);
  if (how === 'dies') return;
  const { header, body } = success('theirs', { run, id: current.id });
  await store.publish({ header: { ...header, command: current.task?.digest as string }, body }, { value: 0 });
}

describe.each(['succeeds', 'dies'] as const)(
  "who waits while another command's run comes first and %s",
  (how) => {
    it('is failed by the stop of the run it waited for [A13, X42]', async () => {
      newHome();
      const run = await UnderWay.begin();
      const { settled } = await run.awaitedBy(attempt);
      recordStop(run.store, run.current);
      await another(run.store, how);
      run.leaves();
      await expect(settled).rejects.toBeInstanceOf(OnceStoppedError);
    });

    it('counts the run that died while it waited for it [A1, X42]', async () => {
      newHome();
      const run = await UnderWay.begin();
      const { settled } = await run.awaitedBy(() => attempt(2));
      await another(run.store, how);
      run.leaves();
      expect(await settled).toBe(2);
    });

    it('gives up when that was the last attempt [A1, X42]', async () => {
      newHome();
      const run = await UnderWay.begin();
      const { settled } = await run.awaitedBy(() => attempt(1));
      await another(run.store, how);
      run.leaves();
      await expect(settled).rejects.toBeInstanceOf(OnceAbandonedError);
    });

    it('runs when it came only after that had begun, whatever became of the run before [A1, A13, X42]', async () => {
      newHome();
      const run = await UnderWay.begin({ attempt: 3 });
      recordStop(run.store, run.current);
      await another(run.store, how);
      const { settled } = await run.awaitedBy(attempt);
      run.leaves();
      expect(await settled).toBe(1);
    });
  },
);

it('a run that another command has followed is dead, also while its program lives and the lock is held [A12, X42]', async () => {
  newHome();
  const { place, store } = await UnderWay.begin();
  const state = () => stateOf('build', place, new Store(place.records, 'build', 'functions')).name;
  expect(state()).toBe('running');
  await another(store, 'dies');
  expect(state()).toBe('dead');
});

it('of how many commands the last run is known that had no outcome has a bound [H15, X42]', async () => {
  newHome();
  const store = new Store(placeOf('build').records, 'build', 'any');
  for (let run = 1; run <= 105; run++) {
    const current = currentRun({ run, id: run.toString(16), task: task(run) });
    await store.begin(current);
    recordStop(store, current);
  }
  const names = readdirSync(store.directory);
  expect(names.filter((name) => name.startsWith('passed-'))).toHaveLength(100);
  expect(names.filter((name) => name.startsWith('stop-'))).toHaveLength(101); // and that of the last
});
