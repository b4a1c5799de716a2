import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LockManager, OnceFailedError, TimeoutError, UnrecordedError } from 'holdfast';
import { once } from 'holdfast/once';
import { describe, expect, it, vi } from 'vitest';
import { gate, within } from '../support/deadline.ts';
import { newHome } from '../support/place.ts';
import { until } from '../support/until.ts';
import { Work } from './work.ts';

describe('a result', () => {
  it('is recorded: a later call gets it without a run [A1]', async () => {
    newHome();
    const work = new Work();
    expect([await work.once(), await work.once()]).toEqual([1, 1]);
    expect(work.runs).toBe(1);
  });

  it.each([
    ['null', null],
    ['a number', 0.1],
    ['a text with a lone surrogate', 'a\ud800b\0'],
    ['an object', { a: [1, { b: null }], ['__proto__']: true, c: '\u2028' }],
    ['an object of no class', Object.assign(Object.create(null), { a: 1 })],
    ['undefined', undefined],
    ['false', false],
    ['bytes', Uint8Array.of(0, 255, 10)],
    ['a buffer', Buffer.from([0xff, 0xfe, 10, 0])],
    ['no bytes', Buffer.alloc(0)],
  ])('can be %s, and comes back as it was [A1]', async (_, value) => {
    newHome();
    const first = await once('build', () => value);
    const second = await once('build', () => 'another');
    expect([first, second]).toEqual([value, value]);
    expect(Buffer.isBuffer(second)).toBe(Buffer.isBuffer(value));
  });

  it('is a copy of its own for every caller', async () => {
    newHome();
    const work = new Work(() => ({ list: [1] }));
    const [first, second] = (await Promise.all([work.once(), work.once()])) as { list: number[] }[];
    first?.list.push(2);
    expect(second).toEqual({ list: [1] });
    expect(await work.once()).toEqual({ list: [1] });
    expect(work.runs).toBe(1);
  });

  it('leaves properties out that are undefined, for its runner too', async () => {
    newHome();
    expect(Object.keys(await once('build', () => ({ a: 1, b: undefined })))).toEqual(['a']);
  });

  const circle: { self?: unknown } = {};
  circle.self = circle;
  it.each([
    ['the result is a Map,', new Map()],
    ['the result.when is a Date,', { when: new Date() }],
    ['the result.list[1] is NaN,', { list: [1, Number.NaN] }],
    ['the result is a bigint,', 1n],
    ['the result[0] is a function,', [() => {}]],
    ['the result.self contains itself,', circle],
    ['the result[1] is undefined,', [1, undefined]],
  ])(
    'that cannot be represented is an error that says "%s ..." and has the value [R82]',
    async (words, value) => {
      newHome();
      const error = await once('build', () => value).catch((thrown) => thrown);
      expect(error).toBeInstanceOf(UnrecordedError);
      expect(error).toMatchObject({ code: 'HOLDFAST_UNRECORDED', key: 'build', ran: true });
      expect(error.value).toBe(value);
      expect(error.message).toContain(words);
      expect(await once('build', () => 'good')).toBe('good');
    },
  );
});

describe('callers of one process', () => {
  it('share one run [A1]', async () => {
    newHome();
    const work = new Work();
    expect(await Promise.all([work.once(), work.once(), work.once()])).toEqual([1, 1, 1]);
  });

  it('share its error, as it was thrown; a later call runs again [A1, A14]', async () => {
    newHome();
    const boom = new TypeError('boom');
    const work = new Work((_, runs) => {
      if (runs === 1) throw boom;
      return runs;
    });
    const all = await Promise.allSettled([work.once(), work.once()]);
    expect(all.map((each) => each.status === 'rejected' && each.reason)).toEqual([boom, boom]);
    expect(await work.once()).toBe(2);
  });

  it('may leave by a signal or a time-out without disturbing the run [A15]', async () => {
    newHome();
    const { opened, open } = gate();
    const started = gate();
    const work = new Work(async ({ signal }) => {
      started.open();
      await opened;
      return signal.aborted;
    });
    const stays = work.once();
    await started.opened;
    const abort = new AbortController();
    const leaves = work.once({ signal: abort.signal });
    const isLate = work.once({ timeout: 1 });

    await expect(isLate).rejects.toBeInstanceOf(TimeoutError);
    abort.abort(new Error('enough'));
    await expect(leaves).rejects.toThrow('enough');
    open();
    expect(await stays).toBe(false);
  });

  it('never time out on a run of their own, however long it is until that can begin [A15]', async () => {
    const file = join(newHome(), 'input');
    writeFileSync(file, Buffer.alloc(16 * 1024 * 1024)); // is read once more under the lock, for longer than the time-out
    const work = new Work();
    expect(await work.once({ timeout: 0, inputs: [{ file }] })).toBe(1);
    expect(await work.once({ timeout: 1, ttl: 0, inputs: [{ file }] })).toBe(2);
  });

  it('abort the run when the last of them leaves; that is not a result [A14]', async () => {
    newHome();
    const started = gate();
    const aborted = gate();
    const work = new Work(async ({ signal }, runs) => {
      if (runs > 1) return 'second';
      started.open();
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      aborted.open();
      throw signal.reason;
    });
    const abort = new AbortController();
    const only = work.once({ signal: abort.signal });
    await started.opened;
    abort.abort(new Error('enough'));

    await expect(only).rejects.toThrow('enough');
    await aborted.opened;
    expect(await work.once({ failureTtl: 60_000 })).toBe('second');
  });

  it('leave a run that goes on to its end all the same, whose result then counts [A15]', async () => {
    newHome();
    const started = gate();
    const { opened, open } = gate();
    let isToldToEnd = false;
    const work = new Work(async ({ signal }) => {
      started.open();
      await opened;
      isToldToEnd = signal.aborted;
      return 'late';
    });
    const abort = new AbortController();
    const only = work.once({ signal: abort.signal });
    await started.opened;
    abort.abort();
    await expect(only).rejects.toMatchObject({ name: 'AbortError' });
    open();
    await until(() => new LockManager().inspect('once:build').state === 'free', 'the run is over');
    expect(isToldToEnd).toBe(true);
    expect(await work.once()).toBe('late');
    expect(work.runs).toBe(1);
  });

  it('are told of a call that would wait for itself, also through another key [R81]', async () => {
    newHome();
    const b: Promise<unknown> = once('a', () => once('b', () => once('a', () => 1)));
    await expect(b).rejects.toMatchObject({ code: 'HOLDFAST_DEADLOCK' });
  });
});

describe('the time to live', () => {
  it('of 0 shares a run among those who call together, and runs again for a later call [A14]', async () => {
    newHome();
    const work = new Work();
    expect(await Promise.all([work.once({ ttl: 0 }), work.once({ ttl: 0 })])).toEqual([1, 1]);
    expect(await work.once({ ttl: 0 })).toBe(2);
  });

  it('is over by the clock; a clock that was set back makes a result too old [A14]', async () => {
    newHome();
    const work = new Work();
    vi.useFakeTimers({ toFake: ['Date'], now: Date.parse('2026-01-01T12:00:00Z') });
    try {
      const at = (time: string) => {
        vi.setSystemTime(Date.parse(`2026-01-01T${time}Z`));
        return work.once({ ttl: 60_000 });
      };
      expect(await at('12:00:00')).toBe(1);
      expect(await at('12:00:59')).toBe(1);
      expect(await at('12:01:00')).toBe(2);
      expect(await at('11:00:00')).toBe(3);
      vi.setSystemTime(Date.parse('2030-01-01T00:00:00Z'));
      expect(await work.once({ ttl: Number.POSITIVE_INFINITY })).toBe(3);
      expect(await work.once()).toBe(4);
    } finally {
      vi.useRealTimers();
    }
  });

  it('of a failure is its own, and 0 unless set [A14]', async () => {
    newHome();
    const work = new Work(() => {
      throw new RangeError('too far');
    });
    await expect(work.once({ failureTtl: 60_000 })).rejects.toBeInstanceOf(RangeError);
    const remembered = (await work.once().catch((error) => error)) as OnceFailedError;
    expect(remembered).toBeInstanceOf(OnceFailedError);
    expect(remembered.failure).toMatchObject({ name: 'RangeError', message: 'too far' });
    expect(remembered.message).toMatch(/RangeError: too far.*remembered for another .*--reset build/);
    expect(work.runs).toBe(1);
    await expect(work.once({ failureTtl: 0 })).rejects.toBeInstanceOf(RangeError);
    expect(work.runs).toBe(2);
  });

  it('of a failure may be endless, and the message says so [A14, R82]', async () => {
    newHome();
    const work = new Work(() => Promise.reject(new RangeError('too far')));
    const endless = { failureTtl: Number.POSITIVE_INFINITY };
    await expect(work.once(endless)).rejects.toBeInstanceOf(RangeError);

    await expect(work.once()).rejects.toThrow(
      /RangeError: too far\. It is remembered for ever; to run it now, first: holdfast once --scope user --reset build\.$/,
    );
  });

  it('may be followed by a time in which the stale result is returned at once and renewed behind it [A14]', async () => {
    newHome();
    const renewed = gate();
    const work = new Work(async (_, runs) => {
      if (runs === 2) renewed.open();
      return runs;
    });
    const stale = { ttl: 0, staleWhileRevalidate: 60_000 };
    expect(await work.once()).toBe(1);
    expect(await work.once(stale)).toBe(1);
    await renewed.opened;
    const isRenewed = async () => (await work.once({ ttl: Number.POSITIVE_INFINITY })) === 2;
    await until(isRenewed, 'the renewed result is recorded');
    expect(work.runs).toBe(2);
  });

  it('of a stale result is not ended by a renewal that fails [A14]', async () => {
    newHome();
    const failing = gate();
    const work = new Work(async (_, runs) => {
      if (runs === 1) return 'good';
      failing.open();
      throw new Error('no network');
    });
    const stale = { ttl: 0, staleWhileRevalidate: 60_000, failureTtl: 60_000 };
    await work.once();
    expect(await work.once(stale)).toBe('good');
    await failing.opened;
    const failed = () => once('build', () => 'run', { ttl: 0, failureTtl: 60_000 });
    const isRecorded = () =>
      failed().then(
        () => false,
        (error) => error instanceof OnceFailedError,
      );
    await until(isRecorded, 'the failure is recorded');
    expect(await work.once(stale)).toBe('good');
    expect(work.runs).toBe(2);
  });
});

describe('a recorded success', () => {
  it('counts only while it is found to hold; a fresh run is not asked about [A16]', async () => {
    newHome();
    const asked: unknown[] = [];
    let holds = true;
    const work = new Work();
    const validate = (value: unknown) => {
      asked.push(value);
      return holds;
    };
    expect(await work.once({ validate })).toBe(1);
    expect(asked).toEqual([]);
    expect(await work.once({ validate })).toBe(1);
    holds = false;
    expect(await work.once({ validate })).toBe(2);
    expect(asked).toEqual([1, 1]);
    expect(work.runs).toBe(2);
  });

  it('that is being looked at does not keep a call from its signal, and is not run again then [A16]', async () => {
    newHome();
    const work = new Work();
    await work.once();
    const asked = gate();
    const abort = new AbortController();
    const validate = () => {
      asked.open();
      return new Promise<boolean>(() => {});
    };
    const call = work.once({ signal: abort.signal, validate });
    await asked.opened;
    abort.abort(new Error('enough'));
    await expect(within(call, 'the end of the call')).rejects.toThrow('enough');

    const late = new AbortController();
    const abortsItself = async () => {
      late.abort(new Error('too much'));
      return false;
    };
    await expect(work.once({ signal: late.signal, validate: abortsItself })).rejects.toThrow('too much');
    expect(work.runs).toBe(1);
  });

  it('does not answer while a newer failure is remembered, once it was found not to hold [A14, A16]', async () => {
    newHome();
    const work = new Work((_, runs) => {
      if (runs > 1) throw new Error('broken');
      return 1;
    });
    const options = { validate: () => false, failureTtl: 60_000 };
    await work.once();
    await expect(work.once(options)).rejects.toThrow('broken');
    await expect(work.once(options)).rejects.toBeInstanceOf(OnceFailedError);
    expect(work.runs).toBe(2);
  });

  it('counts only for the same inputs, texts and contents of files', async () => {
    const home = newHome();
    const file = join(home, 'input');
    const work = new Work();
    writeFileSync(file, 'one');
    const inputs = ['v1', { file }];
    expect(await work.once({ inputs })).toBe(1);
    expect(await work.once({ inputs })).toBe(1);
    expect(await work.once({ inputs: ['v2', { file }] })).toBe(2);
    writeFileSync(file, 'two');
    expect(await work.once({ inputs: ['v2', { file }] })).toBe(3);
    expect(await work.once({ inputs: ['v2', { file }] })).toBe(3);
  });
});

describe('a key', () => {
  it.each(['a/b', '../../etc', 'a\0b', '\ud800', '💾'.repeat(300), 'ls', ' ', '-x', '__proto__'])(
    'can be any string: %j [A18, H20]',
    async (key) => {
      newHome();
      const work = new Work(undefined, key);
      expect([await work.once(), await work.once()]).toEqual([1, 1]);
    },
  );

  it('means the same everywhere for its user, and another thing in each project where that is asked for [A18]', async () => {
    const home = newHome();
    const projects = ['a/app', 'b/app'].map((name) => join(home, name));
    for (const project of projects) mkdirSync(project, { recursive: true });
    const work = new Work();
    for (const project of [...projects, ...projects]) await work.once({ scope: { project } });
    await work.once();
    expect(work.runs).toBe(3);
  });

  it('can be kept with its lock in a directory of its own [A18]', async () => {
    const directory = newHome();
    const work = new Work();
    await work.once({ directory: join(directory, 'x') });
    await work.once({ directory: join(directory, 'y') });
    expect(work.runs).toBe(2);
    const manager = new LockManager({ directory: join(directory, 'x') });
    expect(manager.list().map(({ resource }) => resource)).toEqual(['once:build']);
  });
});

it.each([
  ['key', [''], {}],
  ['key', [7], {}],
  ['ttl', ['k'], { ttl: -1 }],
  ['failureTtl', ['k'], { failureTtl: Number.NaN }],
  ['timeout', ['k'], { timeout: '5s' }],
  ['staleWhileRevalidate', ['k'], { staleWhileRevalidate: null }],
  ['signal', ['k'], { signal: {} }],
  ['validate', ['k'], { validate: 'true' }],
  ['inputs', ['k'], { inputs: 'file' }],
  ['inputs[1]', ['k'], { inputs: ['a', { path: 'b' }] }],
  ['inputs[0]', ['k'], { inputs: [{ file: '/no/such/file' }] }],
  ['attempts', ['k'], { attempts: 0 }],
  ['scope', ['k'], { scope: 'everyone' }],
  ['scope', ['k'], { scope: { project: '/no/such/directory' } }],
  ['directory', ['k'], { directory: '' }],
])('a bad %s is an InputError that names it, and nothing runs [R82]', async (input, [key], options) => {
  newHome();
  const work = vi.fn();
  await expect(once(key as string, work, options as never)).rejects.toMatchObject({
    code: 'HOLDFAST_INPUT',
    input,
  });
  expect(work).not.toHaveBeenCalled();
});
