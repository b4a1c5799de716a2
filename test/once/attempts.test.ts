import { renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { OnceAbandonedError, OnceFailedError } from 'holdfast';
import { once } from 'holdfast/once';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { self } from '../../src/identity/self.ts';
import { Flight } from '../../src/once/flight.ts';
import { type Job, type Marks, marksOf, NoResult } from '../../src/once/job.ts';
import { outcomeOf, recordedValue } from '../../src/once/once.ts';
import { awaitedEnd, nextRun } from '../../src/once/run.ts';
import { placeOf } from '../../src/once/scope.ts';
import { Store } from '../../src/once/store.ts';
import { within } from '../support/deadline.ts';
import { newHome } from '../support/place.ts';
import { until } from '../support/until.ts';
import { currentRun, success, UnderWay } from './under-way.ts';

/** A call that returns which attempt it was. */
const attempt = (attempts: number) => once('build', (context) => context.attempt, { attempts });

function storeOf(): Store {
  newHome();
  return new Store(placeOf('build').records, 'build', 'functions');
}

/** What is known of a call that waits for the lock. */
function jobOf(store: Store, attempts = 3): Job {
  const { signal } = new AbortController();
  const terms = async () => ({ inputs: null });
  const call = { key: 'build', project: null, store, work: () => {}, before: marksOf(store) };
  const giveUp = (error: OnceAbandonedError) => attempts <= error.attempts;
  return { ...call, terms, signal, giveUp, rejected: undefined, waited: true };
}

describe('who waits for a run that ends without a result', () => {
  it.each([
    [1, 2, 2],
    [2, 3, 3],
    [1, 3, 2],
  ])(
    'runs as the next attempt: after attempt %i, of %i in all, it is attempt %i [A1]',
    async (dead, all, own) => {
      newHome();
      const run = await UnderWay.begin({ attempt: dead });
      const { settled } = await run.awaitedBy(() => attempt(all));
      run.leaves();
      expect(await settled).toBe(own);
    },
  );

  it.each([1, 2, 3])('gives up after the last attempt of %i [A1]', async (all) => {
    newHome();
    const run = await UnderWay.begin({ attempt: all });
    const { settled } = await run.awaitedBy(() => attempt(all));
    run.leaves();
    await expect(settled).rejects.toBeInstanceOf(OnceAbandonedError);
    await expect(settled).rejects.toMatchObject({ attempts: all });
  });
});

it('who waits with fewer attempts than the next to run gives up when its own are used up, also when it looks only after that one has begun [A1]', async () => {
  newHome();
  const run = await UnderWay.begin();
  const before = marksOf(run.store);
  run.store.note({ ...run.current, ended: 'was ended by SIGTERM' });
  await run.store.begin(nextRun({ ...jobOf(run.store), before }, { inputs: null }));
  expect(run.store.current()).toMatchObject({ run: 2, attempt: 2 });
  const end = (attempts: number, known: Marks) =>
    awaitedEnd({ ...jobOf(run.store, attempts), before: known })?.message;

  expect(end(1, before)).toContain('was tried once without a result; the last run was ended by SIGTERM.');
  expect(end(2, before)).toBeUndefined();
  expect(end(1, marksOf(run.store))).toBeUndefined(); // it came when the next one was under way
  expect(end(1, { ...before, over: run.current.id })).toBeUndefined(); // it came when the first one was over
});

it.each([
  [1, 3],
  [3, 1],
])(
  'of two callers in one thread, with %i attempts and %i, each goes by its own number, whoever came first [A1]',
  async (...all) => {
    newHome();
    const run = await UnderWay.begin();
    const joined = vi.spyOn(Flight.prototype, 'join');
    onTestFinished(() => joined.mockRestore());
    const calls = all.map((attempts) => attempt(attempts).catch(({ code }) => code));
    await until(() => joined.mock.calls.length === calls.length, 'both wait');
    run.leaves();
    const expected = all.map((attempts) => (attempts === 1 ? 'HOLDFAST_ONCE_ABANDONED' : 2));
    expect(await Promise.all(calls)).toEqual(expected);
  },
);

it('who comes to wait once more, as a follower does whose process died, goes on for as long as its attempts last [A1]', async () => {
  newHome();
  const run = await UnderWay.begin({ run: 2, id: 'b2', attempt: 2, previous: { id: 'a1', attempt: 1 } });
  const before = { success: undefined, failure: undefined, current: 'a1', over: undefined };
  const again = (attempts: number) => outcomeOf('build', (context) => context.attempt, { attempts, before });
  const first = await run.awaitedBy(() => again(1).catch(({ code }) => code));
  expect(await within(first.settled, 'the call is over')).toBe('HOLDFAST_ONCE_ABANDONED');
  const { settled } = await run.awaitedBy(() => again(3));
  run.leaves();
  expect(recordedValue(await settled)).toBe(3);
});

it('a caller that arrives after runs have died makes a first attempt, however many there were [A1]', async () => {
  const store = storeOf();
  await store.begin(currentRun({ attempt: 3 }));
  expect(await attempt(3)).toBe(1);
  expect(store.history()).toMatchObject([
    { run: 1, outcome: 'no result', detail: 'died' },
    { run: 2, outcome: 'success' },
  ]);
});

it.each([
  ['ended', { ended: 'was ended by SIGTERM' }],
  ['died', { by: { ...self(), start: 'of another' } }],
])(
  'a caller that arrives when a run has %s makes a first attempt, also while somebody has the lock [A1]',
  async (_, end) => {
    newHome();
    const run = await UnderWay.begin({ attempt: 3 });
    run.store.note({ ...run.current, ...end });
    const { settled } = await run.awaitedBy(() => attempt(3));
    run.leaves();
    expect(await settled).toBe(1);
  },
);

it('a run that died between its record and the end of its turn has its result, and is no attempt [A1, H16]', async () => {
  newHome();
  const run = await UnderWay.begin({ attempt: 3 });
  const late = await run.awaitedBy(() => once('build', (context) => context.attempt, { inputs: ['other'] }));
  await run.store.publish(success('recorded'), { value: 'recorded' });
  run.store.note(run.current);
  run.leaves();
  expect(await late.settled).toBe(1);
  expect(run.store.history()).toMatchObject([{ run: 2, outcome: 'success' }]);
});

it('a run that has its result between two looks of those who wait uses up no attempt [A1]', async () => {
  newHome();
  const run = await UnderWay.begin({ attempt: 3 });
  const file = (name: string) => join(run.place.records, name);
  await run.store.publish(success('recorded'), { value: 'recorded' });
  renameSync(file('success'), file('kept'));
  run.store.note(run.current);
  let looks = 0;
  class Looking extends Store {
    override current() {
      if (++looks === 2) {
        renameSync(file('kept'), file('success'));
        rmSync(file('current'));
      }
      return super.current();
    }
  }
  const store = new Looking(run.place.records, 'build', 'functions');
  const before = { success: undefined, failure: undefined, current: run.current.id, over: undefined };

  expect(awaitedEnd({ ...jobOf(store), before })).toBeUndefined();
  expect(looks).toBeGreaterThan(1);
});

describe('a run', () => {
  it('that succeeded is shared by those who waited for it, also when its result is not remembered [A1, A14]', async () => {
    newHome();
    const run = await UnderWay.begin();
    const { settled } = await run.awaitedBy(() => once('build', () => 'own'));
    await run.succeeds('shared', { ttl: 0 });
    expect(await settled).toBe('shared');
  });

  it('that failed is shared by those who waited for it, also when the failure is not remembered [A1, A14]', async () => {
    newHome();
    const run = await UnderWay.begin();
    const { settled } = await run.awaitedBy(() => once('build', () => 'own'));
    await run.fails(new TypeError('no such target'), { ttl: 0 });
    await expect(settled).rejects.toBeInstanceOf(OnceFailedError);
    await expect(settled).rejects.toMatchObject({
      failure: { name: 'TypeError', message: 'no such target' },
    });
  });

  it('whose command a signal ended is no failure, and says in what way it ended [A14]', async () => {
    const store = storeOf();
    const reason = new Error('build was ended by SIGTERM');
    const work = () => Promise.reject(new NoResult('was ended by SIGTERM', reason));
    await expect(once('build', work, { failureTtl: 60_000 })).rejects.toBe(reason);
    expect(store.failure()).toBeUndefined();
    expect(store.current()).toMatchObject({ run: 1, ended: 'was ended by SIGTERM' });
    expect(await once('build', () => 'next', { failureTtl: 60_000 })).toBe('next');
  });
});
