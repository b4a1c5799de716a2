import { PassThrough } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { Body } from '../../src/download/body.ts';
import { StallWatch } from '../../src/download/stall.ts';
import { StoppedClock } from '../support/clock.ts';

function watching(ms = 30_000): StallWatch {
  const watch = new StallWatch(ms, new AbortController().signal);
  onTestFinished(() => watch.end());
  return watch;
}

it('aborts when nothing came for the whole time, and not before [K15]', async () => {
  const clock = new StoppedClock();
  const watch = watching();
  await clock.elapse(29_000);
  expect(watch.signal.aborted).toBe(false);
  await clock.elapse(30_000);
  expect(watch.signal.reason).toMatchObject({
    problem: 'nothing came for 30.0s',
    facts: { nature: 'passing' },
  });
});

it.each([Number.POSITIVE_INFINITY, 2 ** 33])(
  'has no timer that is longer than timers can be: %d ms [K15]',
  async (ms) => {
    const warnings: Error[] = [];
    const note = (warning: Error) => warnings.push(warning);
    process.on('warning', note);
    onTestFinished(() => void process.off('warning', note));
    watching(ms);
    await setImmediate();
    expect(warnings).toEqual([]);
  },
);

it('lets a trickle go on for ever [K15]', async () => {
  const clock = new StoppedClock();
  const watch = watching();
  const stream = new PassThrough();
  const bytes = new Body(stream).bytes(undefined, watch);
  for (let count = 0; count < 10; count++) {
    const next = bytes.next();
    await setImmediate();
    await clock.elapse(29_000);
    stream.write('x');
    expect((await next).value?.toString()).toBe('x');
  }
  expect(watch.signal.aborted).toBe(false);
});

it('does not count the time that the receiver takes [K15]', async () => {
  const clock = new StoppedClock();
  const watch = watching();
  watch.got(); // the head of the answer
  const stream = new PassThrough();
  const bytes = new Body(stream).bytes(undefined, watch);
  stream.write('x');
  await bytes.next();
  await clock.elapse(300_000);
  expect(watch.signal.aborted).toBe(false);
  const next = bytes.next();
  await setImmediate();
  await clock.elapse(29_000);
  expect(watch.signal.aborted).toBe(false);
  await clock.elapse(30_000);
  expect(watch.signal.aborted).toBe(true);
  stream.destroy();
  await expect(next).rejects.toThrow('the body was closed');
});

it('gives all that came before an error, and then the error [K7]', async () => {
  const stream = new PassThrough();
  const bytes = new Body(stream).bytes(undefined, watching());
  stream.write('one');
  stream.write('two');
  await setImmediate();
  stream.destroy(Object.assign(new Error('reset'), { code: 'ECONNRESET' }));
  await setImmediate();
  const got: string[] = [];
  const read = async () => {
    for await (const chunk of bytes) got.push(String(chunk));
  };
  await expect(read()).rejects.toMatchObject({ facts: { nature: 'passing', isIncomplete: true } });
  expect(got).toEqual(['one', 'two']);
});

it('takes no more than a mebibyte ahead of its reader [K15]', async () => {
  const stream = new PassThrough({ highWaterMark: 1 });
  const body = new Body(stream);
  const chunk = Buffer.alloc(256 * 1024);
  for (let count = 0; count < 100; count++) {
    stream.write(chunk);
    await setImmediate();
  }
  let bytes = 0;
  stream.end();
  expect(stream.isPaused()).toBe(true);
  for await (const each of body.bytes(100 * chunk.length, watching())) bytes += each.length;
  expect(bytes).toBe(100 * chunk.length);
});
