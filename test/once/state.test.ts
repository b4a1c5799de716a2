import { describe, expect, it } from 'vitest';
import { self } from '../../src/identity/self.ts';
import { placeOf } from '../../src/once/scope.ts';
import { stateOf } from '../../src/once/state.ts';
import { Store } from '../../src/once/store.ts';
import { newHome } from '../support/place.ts';
import { success, UnderWay } from './under-way.ts';

const stateName = () => {
  const place = placeOf('build');
  return stateOf('build', place, new Store(place.records, 'build', 'any')).name;
};
const DEAD = { ...self(), start: '1' };
/** This very process, as the command of a run. */
const { pid, start = '' } = self();

function taskOf(child: { readonly pid: number; readonly start?: string }) {
  return { command: ['true'], digest: '0'.repeat(32), cwd: '/', environment: {}, child };
}

describe('a run', () => {
  it('that died between its record and the end of its turn is done [A11, H16]', async () => {
    newHome();
    const run = await UnderWay.begin();
    await run.store.publish(success('done'), { value: 'done' });
    run.store.note(run.current);
    expect(stateName()).toBe('done');
    run.leaves();
    expect(stateName()).toBe('done');
  });

  it('whose runner is dead is under way while its command lives and the lock is held [A11, A12]', async () => {
    newHome();
    const run = await UnderWay.begin({ by: DEAD, task: taskOf({ pid, start }) });
    expect(stateName()).toBe('running');
    run.leaves();
    expect(stateName()).toBe('dead');
  });

  it.each([
    ['was started at another time', { pid, start: '1' }],
    ['is known by its process id alone, which may be given out again,', { pid }],
  ])('whose runner is dead, and whose command %s is dead [A12, H1, X59]', async (_, child) => {
    newHome();
    const run = await UnderWay.begin({ by: DEAD, task: taskOf(child) });
    expect(stateName()).toBe('dead');
    run.leaves();
  });
});
