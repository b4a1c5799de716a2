import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { Answered } from '../../examples/datasets/server.mjs';
import { tempDirectory } from '../support/temp.ts';
import { command, ending, JOBS, Jobs, mistakes, untilArrived, untilSaid } from './datasets.ts';

const MEBIBYTE = 1024 * 1024;
/** So much of the novels is on the disk when they are held, and more: up to a mebibyte is still being gathered. */
const ENOUGH = 6.5 * MEBIBYTE;
const DONE = { code: 0, stderr: '' };

const statusesOf = (answers: readonly Answered[]) => answers.map(({ status }) => status);

function startOf({ range }: { readonly range?: string | undefined }): number {
  return Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1]);
}

it('one command has three jobs share two data sets of a server with faults, and a second one asks nothing [G1, G2, K7, K16]', async () => {
  const data = tempDirectory();
  const first = await ending(command(data));

  expect(first).toMatchObject(DONE);
  const asked = [...first.stdout.matchAll(/^ {2}(\w+): (\d+) for (.*?)(?:: .*?(\w+))?$/gm)];
  const faultsOf = (name: string) => asked.filter((match) => match[1] === name).map((match) => match[4]);
  expect(faultsOf('novels')).toEqual(['busy', 'drop', 'truncated', 'slow']);
  expect(faultsOf('letters')).toEqual(['revised', 'slow']);
  expect(new Set(asked.map(([, name, , by]) => `${name} ${by}`)).size).toBe(2);
  expect(first.stdout).toContain('requests: novels 4, letters 2\n');
  expect(first.stdout.match(/novels fetched/g)).toHaveLength(1);
  expect(mistakes(data, { novels: 1, letters: 2 })).toEqual([]);

  const second = await ending(command(data));
  expect(second).toMatchObject(DONE);
  expect(second.stdout).toContain('requests: novels 0, letters 0\n');
  expect(second.stdout.match(/computed before/g)).toHaveLength(JOBS.length);
});

it('three jobs at once make one request for each data set, and later ones as many as their policy says [G1, G2, G3]', {
  timeout: 600_000,
}, async () => {
  const jobs = await Jobs.start();
  const answers = async (policy?: string) => {
    for (const end of await jobs.run(policy)) expect(end).toMatchObject(DONE);
    const { novels, letters } = jobs.answers();
    return [statusesOf(novels), statusesOf(letters)];
  };
  expect(await answers()).toEqual([[200], [200]]);
  expect(mistakes(jobs.data, { novels: 1, letters: 1 })).toEqual([]);

  jobs.server.revise('novels');
  expect(await answers('3600000')).toEqual([[], []]);
  expect(mistakes(jobs.data, { novels: 1, letters: 1 })).toEqual([]);

  const [novels = [], letters = []] = await answers('always');
  expect(novels[0]).toBe(200);
  expect(new Set(novels.slice(1))).toEqual(novels.length > 1 ? new Set([304]) : new Set());
  expect(novels.length).toBeLessThanOrEqual(JOBS.length);
  expect(letters).toEqual([304]);
  expect(mistakes(jobs.data, { novels: 2, letters: 1 })).toEqual([]);

  jobs.server.revise('letters');
  const [again = [], other] = await answers('0');
  expect(new Set(again)).toEqual(new Set([304]));
  expect(other).toEqual([200]);
  expect(mistakes(jobs.data, { novels: 2, letters: 2 })).toEqual([]);
});

it('goes on by Range where a truncated body ended, and starts over for another edition [K7, K9, K10]', async () => {
  const jobs = await Jobs.start({ novels: ['truncated'], letters: ['revised'] });
  for (const end of await jobs.run()) expect(end).toMatchObject(DONE);
  const { novels, letters } = jobs.answers();
  expect(statusesOf(novels)).toEqual([200, 206]);
  expect(startOf(novels[1] ?? {})).toBeGreaterThanOrEqual(4 * MEBIBYTE);
  expect(statusesOf(letters)).toEqual([200, 200]);
  expect(startOf(letters[1] ?? {})).toBeGreaterThanOrEqual(MEBIBYTE);
  expect(mistakes(jobs.data, { novels: 1, letters: 2 })).toEqual([]);
});

it('a job that is killed leaves what has arrived, and the next one goes on with it [K5]', async () => {
  const jobs = await Jobs.start({ novels: ['hold'] });
  const held = jobs.faulty();
  const killed = jobs.start('words');
  expect(await held).toMatchObject({ name: 'novels', by: `words (pid ${killed.pid})` });
  await untilArrived(jobs.data, 'novels', ENOUGH);

  await killed.kill();

  for (const end of await jobs.run()) expect(end).toMatchObject(DONE);
  const { novels } = jobs.answers();
  expect(statusesOf(novels)).toEqual([200, 206]);
  expect(startOf(novels[1] ?? {})).toBeGreaterThanOrEqual(MEBIBYTE / 2);
  expect(mistakes(jobs.data, { novels: 1, letters: 1 })).toEqual([]);
  expect(readdirSync(join(jobs.data, 'cache/partial'))).toEqual([]);
});

it('the jobs that wait for one that is killed take over, and the command says which one ended [K5]', async () => {
  const data = tempDirectory();
  const running = command(data, '--novels', 'hold', '--letters', '');
  const held = /(\w+) \(pid (\d+)\): hold/;
  const [, job, pid] = held.exec(await untilSaid(running, '  novels: 200')) ?? [];
  await untilArrived(data, 'novels', ENOUGH);

  process.kill(Number(pid), 'SIGKILL');

  const { code, stdout, stderr } = await ending(running);
  expect({ code, stderr }).toEqual({ code: 1, stderr: `${job}: ended by SIGKILL\n` });
  expect(stdout).toMatch(/novels: 206 for (\w+) \(pid \d+\): bytes=\d{6,}-\n/);
  const others = job === 'compare' ? 0 : 1; // it alone asks for the letters
  expect(stdout).toContain(`requests: novels 2, letters ${others}\n`);
  expect((await ending(command(data, '--letters', ''))).code).toBe(0);
  expect(mistakes(data, { novels: 1, letters: 1 })).toEqual([]);
});
