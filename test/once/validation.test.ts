import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { digestOf } from '../../src/once/inputs.ts';
import { placeOf } from '../../src/once/scope.ts';
import { Store } from '../../src/once/store.ts';
import { newHome } from '../support/place.ts';
import { success, UnderWay } from './under-way.ts';
import { Work } from './work.ts';

/** Says of every value that it does not hold, and keeps what it was asked about. */
function rejectingAll() {
  const asked: unknown[] = [];
  const validate = (value: unknown) => {
    asked.push(value);
    return false;
  };
  return { asked, validate };
}

describe('a recorded success that is found not to hold', () => {
  it('does not answer by a promise either, before that is kept [A16, X58]', async () => {
    newHome();
    const work = new Work();
    await work.once();
    expect(await work.once({ validate: async () => true })).toBe(1);
    expect(await work.once({ validate: async () => false })).toBe(2);
  });

  it('does not answer while it is stale, and is not renewed behind its back [A14, A16, X58]', async () => {
    newHome();
    const work = new Work();
    await work.once();
    const { asked, validate } = rejectingAll();
    expect(await work.once({ ttl: 0, staleWhileRevalidate: 60_000, validate })).toBe(2);
    expect(asked).toEqual([1]);
    expect(work.runs).toBe(2);
  });

  it('gives way to one that was recorded while it was looked at, which is asked about too [A16, X58]', async () => {
    newHome();
    const work = new Work(() => 'own');
    const store = new Store(placeOf('build').records, 'build', 'functions');
    const put = (value: string, run: number) =>
      store.publish(success(value, { id: `a${run}`, run }), { value });
    await work.once();
    await put('old', 2);
    const asked: unknown[] = [];
    const accepting = (accepted: unknown) => async (value: unknown) => {
      asked.push(value);
      if (value === 'old') await put('new', 3);
      return value === accepted;
    };
    expect(await work.once({ validate: accepting('new') })).toBe('new');
    expect(asked).toEqual(['old', 'new']);
    expect(work.runs).toBe(1);

    asked.length = 0;
    await put('old', 4);
    expect(await work.once({ validate: accepting('none') })).toBe('own');
    expect(asked).toEqual(['old', 'new']);
    expect(work.runs).toBe(2);
  });

  it('does not answer when only the wait has made its inputs fit again [A14, A16, X58]', async () => {
    const file = join(newHome(), 'input');
    const inputs = [{ file }];
    writeFileSync(file, 'one');
    const work = new Work(() => 'own');
    const run = await UnderWay.begin({ run: 2, id: 'a2' });
    await run.store.publish(success('recorded', { inputs: await digestOf(inputs) }), { value: 'recorded' });
    writeFileSync(file, 'two');
    const { asked, validate } = rejectingAll();
    const { settled } = await run.awaitedBy(() => work.once({ inputs, validate }));
    expect(asked).toEqual([]);
    writeFileSync(file, 'one');
    run.leaves();
    expect(await settled).toBe('own');
    expect(asked).toEqual(['recorded']);
  });
});
