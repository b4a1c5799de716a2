import { describe, expect, it } from 'vitest';
import { here, liveness, processFacts } from '../../src/identity/index.ts';
import { judge } from '../../src/identity/liveness.ts';
import type { Place } from '../../src/identity/place.ts';
import { self } from '../../src/identity/self.ts';

const OTHER_BOOT = '00000000-0000-4000-8000-000000000000';

describe('a process of this boot and pid namespace', () => {
  it('is dead when its pid belongs to another process by now [F7, H1]', () => {
    expect(liveness({ ...self(), start: '1' })).toBe('dead');
  });

  it('is told by the process alone, whatever thread of it holds the lock [F7]', () => {
    expect(liveness({ ...self(), thread: 7 })).toBe('alive');
  });

  it('is found by its boot also under another host name or machine id, as containers have [H3, H5]', () => {
    expect(liveness({ ...self(), host: 'renamed', machine: '0123456789abcdef' })).toBe('alive');
    expect(liveness({ ...self(), host: 'renamed', start: '1' })).toBe('dead');
  });
});

it('a process that has ended is dead as long as its parent has not asked how, whatever else is known [F7, R45]', () => {
  const ended = { start: self().start ?? '', isZombie: true };
  const facts = { startClock: 'boot', look: () => ended } as const;
  const judged = (record: object) => judge(record, { place: here(), facts }, 'shared');

  expect(judged(self())).toBe('dead');
  expect(judged({ ...self(), timeNamespace: '1' })).toBe('dead');
  expect(judged({ ...self(), pidNamespace: '1' })).toBe('unknown');
});

it('a process that had ended when it was looked at is dead, though its parent asks how right after that [F7, R45]', () => {
  const sights = [{ start: self().start ?? '', isZombie: true }];
  const facts = { startClock: 'boot', look: () => sights.pop() } as const;

  expect(judge(self(), { place: here(), facts }, 'shared')).toBe('dead');
});

it('a process of another time namespace is not dead for another start time [H4, F7]', () => {
  expect(liveness({ ...self(), timeNamespace: '1', start: '1' }, 'local')).toBe('unknown');
});

describe('a process of another boot', () => {
  const gone = { ...self(), boot: OTHER_BOOT };

  it('is dead on a drive of this machine, when machine id and host name are its own [H2, R45]', () => {
    expect(liveness(gone, 'local')).toBe('dead');
  });

  it('is unknown on a drive that clones of this machine might share [H5, H6]', () => {
    expect(liveness(gone, 'shared')).toBe('unknown');
    expect(liveness(gone)).toBe('unknown');
  });

  it.each([
    ['another machine id', { machine: '0123456789abcdef' }],
    ['no machine id', { machine: undefined }],
    ['another host name, which a renamed clone has too', { host: 'renamed' }],
    ['no host name', { host: undefined }],
  ])('is unknown with %s, on any drive [F7, H5, H6]', (_what, facts) => {
    const entries = Object.entries({ ...gone, ...facts }).filter(([, value]) => value !== undefined);
    const record = Object.fromEntries(entries);

    expect(liveness(record, 'local')).toBe('unknown');
    expect(liveness(record, 'shared')).toBe('unknown');
  });

  it('is unknown to a machine that cannot name itself [H5]', () => {
    const { machine: _machine, ...place } = here();
    const { machine: _of, ...record } = gone;

    expect(judge(record, { place, facts: processFacts }, 'local')).toBe('unknown');
  });

  it('is not dead while a process of its id and calendar time runs, whatever the boot id says [H2, R47]', () => {
    const record = { ...gone, start: '133765432101234567' };
    const at = (start: string | undefined) => ({
      place: here(),
      facts: {
        startClock: 'calendar' as const,
        look: () => (start === undefined ? undefined : { start, isZombie: false }),
      },
    });

    expect(judge(record, at(record.start), 'local')).toBe('unknown');
    expect(judge(record, at('133765432109999999'), 'local')).toBe('dead');
    expect(judge(record, at(undefined), 'local')).toBe('dead');
  });

  it('is recognised by the machine that comes back from a reboot, and by no other [H2, H6]', () => {
    const before: Place = here();
    const record = { ...self() };
    const after = { ...before, boot: OTHER_BOOT };
    const judged = (place: Place) => judge(record, { place, facts: processFacts }, 'local');

    expect(judged(before)).toBe('alive');
    expect(judged(after)).toBe('dead');
    expect(judged({ ...after, machine: '0123456789abcdef' })).toBe('unknown');
    expect(judged({ ...after, host: 'other' })).toBe('unknown');
  });
});

describe('a record that proves nothing', () => {
  const { boot: _boot, ...withoutBoot } = self();

  it.each([
    ['is empty', {}],
    ['tells no boot', withoutBoot],
    ['tells an empty boot', { ...self(), boot: '' }],
    ['has a pid of 0', { ...self(), pid: 0 }],
    ['has a negative pid', { ...self(), pid: -1 }],
    ['has a negative pid, and there is no such process group', { ...self(), pid: -(2 ** 30) }],
    ['has a pid that is no integer', { ...self(), pid: 1.5 }],
    ['is from another pid namespace', { ...self(), pidNamespace: '1' }],
  ])('is unknown, so held: it %s [F7, H3, R47]', (_what, record) => {
    expect(liveness(record, 'local')).toBe('unknown');
  });

  it('is unknown where the platform tells no boot', () => {
    const place = { ...here(), boot: '' };

    expect(judge({ ...self(), boot: '' }, { place, facts: processFacts }, 'local')).toBe('unknown');
    expect(judge(self(), { place, facts: processFacts }, 'local')).toBe('unknown');
  });
});
