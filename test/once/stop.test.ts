import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { OnceStoppedError } from 'holdfast';
import { once } from 'holdfast/once';
import { expect, it, onTestFinished } from 'vitest';
import { placeOf } from '../../src/once/scope.ts';
import { recordStop, stopperOf, withdrawStop } from '../../src/once/stop.ts';
import { Store } from '../../src/once/store.ts';
import { newHome } from '../support/place.ts';
import { currentRun, UnderWay } from './under-way.ts';

const attempt = () => once('build', (context) => context.attempt);

it('a stop fails those who wait for the run at that moment, and nobody runs it again for them [A13]', async () => {
  newHome();
  const run = await UnderWay.begin();
  const { settled } = await run.awaitedBy(attempt);
  recordStop(run.store, run.current);
  run.leaves();
  await expect(settled).rejects.toBeInstanceOf(OnceStoppedError);
  expect(run.store.history()).toEqual([]);
});

it('a stop does not fail a call that came after it, also while the run was still ending [A13]', async () => {
  newHome();
  const run = await UnderWay.begin({ attempt: 3 });
  recordStop(run.store, run.current);
  const { settled } = await run.awaitedBy(attempt);
  run.leaves();
  expect(await settled).toBe(1);
});

it('a stop that was withdrawn fails nobody when the run dies later [A13]', async () => {
  newHome();
  const run = await UnderWay.begin();
  const { settled } = await run.awaitedBy(attempt);
  recordStop(run.store, run.current);
  withdrawStop(run.store, run.current);
  run.leaves();
  expect(await settled).toBe(2);
});

it('a stop that comes as soon as a run can be seen is not removed by the start of that run [A13]', async () => {
  newHome();
  const store = new Store(placeOf('build').records, 'build', 'functions');
  const [former, run] = [currentRun(), currentRun({ run: 2, id: 'a2' })];
  await store.begin(former);
  recordStop(store, former);
  let isStopped = false;
  const stopWhenSeen = () => {
    if (isStopped || store.current()?.id !== run.id) return;
    isStopped = true;
    recordStop(store, run);
  };
  beforeEachStep(stopWhenSeen);

  await store.begin(run);

  stopWhenSeen();
  expect(isStopped).toBe(true);
  expect(stopperOf(store, run)).toBeDefined();
  expect(stopperOf(store, former)).toBeUndefined();
});

/** Has something happen before every listing and every removal, until the test is over. */
function beforeEachStep(happen: () => void): void {
  const { readdirSync, rmSync } = fs;
  const after = (step: unknown) =>
    function stepAfter(...args: unknown[]) {
      happen();
      return (step as (...args: unknown[]) => unknown)(...args);
    };
  Object.assign(fs, { readdirSync: after(readdirSync), rmSync: after(rmSync) });
  syncBuiltinESMExports();
  onTestFinished(() => {
    Object.assign(fs, { readdirSync, rmSync });
    syncBuiltinESMExports();
  });
}
