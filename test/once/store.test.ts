import { cpSync, existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { once } from 'holdfast/once';
import { expect, it } from 'vitest';
import { knownKeys } from '../../src/once/known.ts';
import { stateOf } from '../../src/once/state.ts';
import { recordStop, stopperOf } from '../../src/once/stop.ts';
import { Store } from '../../src/once/store.ts';
import { tempDirectory } from '../support/temp.ts';
import { currentRun, failure, success } from './under-way.ts';

it('the history of a key keeps its last runs, and does not grow for ever [A11]', () => {
  const store = new Store(tempDirectory(), 'build', 'functions');
  for (let run = 1; run <= 450; run++) {
    store.remember({ run, started: new Date(0).toISOString(), took: run, outcome: 'success' });
  }
  const runs = store.history().map(({ run }) => run);
  expect(runs.length).toBeGreaterThanOrEqual(100);
  expect(runs.length).toBeLessThanOrEqual(200);
  expect(runs).toEqual(runs.map((_, index) => 450 - runs.length + 1 + index));
});

it('a line of the history that is torn is left out, and the rest is there [A11, H15]', () => {
  const directory = tempDirectory();
  const store = new Store(directory, 'build', 'functions');
  store.remember({ run: 1, started: '2026-01-01T00:00:00Z', outcome: 'no result', detail: 'died' });
  writeFileSync(join(directory, 'history'), '{"run":2,"star', { flag: 'a' });
  expect(store.history()).toMatchObject([{ run: 1 }]);
  store.remember({ run: 3, started: '2026-01-01T00:00:00Z', outcome: 'success' });
  expect(store.history()).toMatchObject([{ run: 1 }, { run: 3 }]);
});

it('a line of the history whose values are of the wrong kind is left out [A11, H15]', () => {
  const directory = tempDirectory();
  const store = new Store(directory, 'build', 'functions');
  const line = { run: 1, started: '2026-01-01T00:00:00Z', took: 1, outcome: 'failure', detail: 'died' };
  const nothing = { toString: 1, valueOf: 1 };
  const others = Object.keys(line).map((name) => ({ ...line, run: 2, [name]: nothing }));
  const lines = [...others, { ...line, started: 'later' }, line];
  writeFileSync(join(directory, 'history'), lines.map((each) => `${JSON.stringify(each)}\n`).join(''));
  expect(store.history()).toEqual([line]);
});

it('whatever else lies among the records is not taken for a key [H15, H18]', async () => {
  const directory = tempDirectory();
  await once('build', () => 1, { directory });
  const records = join(directory, 'once');
  const [real = ''] = readdirSync(records);
  cpSync(join(records, real), join(records, 'copied-elsewhere'), { recursive: true });
  writeFileSync(join(records, 'file'), '');
  mkdirSync(join(records, 'empty'));
  mkdirSync(join(records, 'garbage'));
  writeFileSync(join(records, 'garbage/success'), '\0'.repeat(5000));
  symlinkSync('/', join(records, 'link'));
  expect(knownKeys(directory).keys.map(({ key }) => key)).toEqual(['build']);
});

it('a key of which only a failure or a dead run is known has a state all the same [A12]', async () => {
  const directory = tempDirectory();
  await once('bad', () => Promise.reject(new Error('no')), { directory }).catch(() => {});
  const [known] = knownKeys(directory).keys;
  if (known === undefined) throw new Error('it is not known');
  expect(stateOf(known.key, known.place, new Store(known.place.records, known.key, 'any'))).toMatchObject({
    name: 'failed',
    remaining: 0,
    current: undefined,
  });
});

it('of many commands under one key the newest outcomes are kept, with what their runs have left [X42, H16]', async () => {
  const directory = tempDirectory();
  const store = new Store(directory, 'build', 'any');
  const digest = (run: number) => run.toString(16).padStart(32, '0');
  for (let run = 1; run <= 120; run++) {
    const record = success(run, { run, id: run.toString(16) });
    const header = { ...record.header, command: digest(run) };
    mkdirSync(store.runDirectory(header));
    await store.publish({ ...record, header }, { value: undefined });
  }
  expect(store.success()?.header.run).toBe(120);
  await store.begin(currentRun({ run: 121 }));
  expect(store.lastRun()).toBe(120);
  const kept = readdirSync(directory);
  const oldest = new Store(directory, 'build', { command: digest(21) });
  expect(oldest.success()?.header.run).toBe(21);
  expect(new Store(directory, 'build', { command: digest(20) }).success()).toBeUndefined();
  expect(kept.filter((name) => name.startsWith('success')).length).toBe(100);
  expect(kept.filter((name) => name.startsWith('run-')).length).toBe(100);
});

it('the start of a run removes what writers have left that died, and leaves what else there is [A1, H16]', async () => {
  const directory = tempDirectory();
  const store = new Store(directory, 'build', 'functions');
  for (const name of ['.holdfast-7-0123456789abcdef.tmp', '.holdfast-note']) {
    writeFileSync(join(directory, name), 'left');
  }
  await store.begin(currentRun());
  expect(readdirSync(directory).sort()).toEqual(['.holdfast-note', 'current', 'reserve']);
});

it('the start of a run removes the logs and stops of earlier runs, but not the logs of what is recorded [A11]', async () => {
  const directory = tempDirectory();
  const store = new Store(directory, 'build', 'functions');
  const runs = [1, 2, 3].map((run) => ({ run, id: `a${run}` }));
  const [good, dead, bad] = runs.map((run) => store.runDirectory(run)) as [string, string, string];
  for (const logs of [good, dead, bad]) mkdirSync(logs);
  await store.publish(success('good', { run: 1, id: 'a1' }), { value: 'good' });
  await store.publish(failure('bad', { run: 3, id: 'a3' }), { value: undefined });
  recordStop(store, currentRun({ run: 2, id: 'a2' }));

  await store.begin(currentRun({ run: 4, id: 'a4' }));

  expect([good, dead, bad].map((logs) => existsSync(logs))).toEqual([true, false, true]);
  expect(stopperOf(store, currentRun({ run: 2, id: 'a2' }))).toBeUndefined();
});
