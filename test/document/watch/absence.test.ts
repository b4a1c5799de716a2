import { expect, it, onTestFinished } from 'vitest';
import { Absence } from '../../../src/document/watch/absence.ts';
import { StoppedClock } from '../../support/clock.ts';

/** A file, and looks at it that come at once. */
function newFile() {
  const clock = new StoppedClock();
  const told: string[] = [];
  let found: 'file' | 'nothing' = 'file';
  const look = () => absence.note(found);
  const absence = new Absence(look, () => told.push('missing'));
  onTestFinished(() => absence.close());
  const become = (state: typeof found) => {
    found = state;
    look();
  };
  return { clock, told, become, look, absence };
}

it('a file that is gone for less than 100 ms is not missing, however often', async () => {
  const { clock, told, become } = newFile();
  for (let time = 0; time < 10; time++) {
    become('nothing');
    await clock.elapse(99);
    become('file');
    await clock.elapse(1);
  }
  await clock.elapse(1_000);
  expect(told).toEqual([]);
});

it('a file that is gone for 300 ms is missing, which is told once', async () => {
  const { clock, told, become, look } = newFile();
  become('nothing');
  await clock.elapse(150);
  look();
  await clock.elapse(149);
  expect(told).toEqual([]);
  await clock.elapse(300);
  expect(told).toEqual(['missing']);
  look();
  await clock.elapse(10_000);
  expect(told).toEqual(['missing']);
});

it('a file that came back can be missing again', async () => {
  const { clock, told, become } = newFile();
  for (let time = 0; time < 2; time++) {
    become('nothing');
    await clock.elapse(300);
    become('file');
    await clock.elapse(300);
  }
  expect(told).toEqual(['missing', 'missing']);
});

it('nothing is told after the close', async () => {
  const { clock, told, become, absence } = newFile();
  become('nothing');
  absence.close();
  await clock.elapse(1_000);
  expect(told).toEqual([]);
});
