import { expect, it, onTestFinished } from 'vitest';
import { Looks } from '../../../src/document/watch/looks.ts';
import { gate } from '../../support/deadline.ts';
import { passTime } from '../../support/time.mjs';
import { someTurns } from '../../support/turns.ts';
import { until } from '../../support/until.ts';

function looksOf(look: () => unknown): Looks {
  const looks = new Looks(look);
  onTestFinished(() => looks.close());
  return looks;
}

it('one turn of the event loop asks for one look, however often', async () => {
  let count = 0;
  const looks = looksOf(() => void count++);
  for (let time = 0; time < 100; time++) looks.ask();
  expect(count).toBe(0);
  await someTurns();
  expect(count).toBe(1);
});

it('what is asked for during a look is one more look, which begins after it', async () => {
  const steps: string[] = [];
  const [first, second] = [gate(), gate()];
  const looks = looksOf(async () => {
    const own = steps.length === 0 ? first : second;
    steps.push('begin');
    await own.opened;
    steps.push('end');
  });
  looks.ask();
  await someTurns();
  for (let time = 0; time < 3; time++) looks.ask();
  await someTurns();
  expect(steps).toEqual(['begin']);
  first.open();
  await until(() => steps.length === 3, 'the second look began');
  second.open();
  await passTime(1_000);
  expect(steps).toEqual(['begin', 'end', 'begin', 'end']);
});

it('a look that failed is made again by itself', async () => {
  let count = 0;
  const looks = looksOf(() => {
    count++;
    if (count < 3) throw new Error('the share is away');
  });
  looks.ask();
  await passTime(10_000);
  expect(count).toBe(3);
});

it('no look begins after the close, and none is made again', async () => {
  let count = 0;
  const { opened, open } = gate();
  const looks = looksOf(async () => {
    count++;
    await opened;
    throw new Error('the share is away');
  });
  looks.ask();
  await someTurns();
  looks.ask();
  looks.close();
  looks.ask();
  open();
  await passTime(10_000);
  looks.ask();
  await passTime(10_000);
  expect(count).toBe(1);
});

it('a close before the look keeps it from beginning', async () => {
  let count = 0;
  const looks = looksOf(() => void count++);
  looks.ask();
  looks.close();
  await passTime(10_000);
  expect(count).toBe(0);
});
