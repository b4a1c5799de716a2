import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { dataSet, type Name } from '../../examples/datasets/corpus.mjs';
import { type Answered, DataServer, type Fault } from '../../examples/datasets/server.mjs';
import { Child, type Ending } from '../support/child.ts';
import { gate, within } from '../support/deadline.ts';
import { tempDirectory } from '../support/temp.ts';
import { until } from '../support/until.ts';

const EXAMPLE = fileURLToPath(new URL('../../examples/datasets', import.meta.url));
export const JOBS = ['words', 'index', 'compare'] as const;

/** The ending of a program that computes for seconds, and for a minute where others compute as well. */
export function ending(child: Child): Promise<Ending> {
  return within(child.ended, 'waiting for the end of a run');
}

/** The first line that starts so. */
export function untilSaid(child: Child, start: string): Promise<string> {
  const said = new Promise<string>((resolve) => {
    child.onLine((line) => line.startsWith(start) && resolve(line));
  });
  return within(said, `waiting for the line "${start}"`);
}

/** The one command, with data of its own. */
export function command(data: string, ...args: readonly string[]): Child {
  return new Child(process.execPath, [join(EXAMPLE, 'run.mjs'), '--data', data, ...args]);
}

/** Jobs with data of their own, and a server in this process. */
export class Jobs {
  readonly data = tempDirectory();
  readonly server: DataServer;
  readonly #url: string;

  private constructor(server: DataServer, url: string) {
    this.server = server;
    this.#url = url;
  }

  static async start(faults: Partial<Record<Name, Fault[]>> = {}): Promise<Jobs> {
    const server = new DataServer({ faults });
    const url = await server.start();
    onTestFinished(() => server.stop());
    return new Jobs(server, url);
  }

  start(job: (typeof JOBS)[number], policy = 'if-missing'): Child {
    const args = [join(EXAMPLE, 'job.mjs'), job, '--server', this.#url, '--data', this.data];
    return new Child(process.execPath, [...args, '--policy', policy]);
  }

  /** All three at once; resolves when they are through. */
  run(policy?: string): Promise<Ending[]> {
    return Promise.all(JOBS.map((job) => ending(this.start(job, policy))));
  }

  /** The answers since this was last asked for, by data set. */
  answers(): Record<Name, Answered[]> {
    const seen = this.server.requests.splice(0);
    return {
      novels: seen.filter(({ name }) => name === 'novels'),
      letters: seen.filter(({ name }) => name === 'letters'),
    };
  }

  /** The next request that is answered with a fault. */
  faulty(): Promise<Answered> {
    const { opened, open } = gate<Answered>();
    this.server.onAnswer = (answered) => answered.fault !== undefined && open(answered);
    return within(opened, 'waiting for a request');
  }
}

/** So many bytes of a data set have arrived, of a download that is not through. */
export function untilArrived(data: string, name: Name, bytes: number): Promise<void> {
  const partials = join(data, 'cache/partial');
  return until(() => {
    const partial = readdirSync(partials).find((each) => each.startsWith(`${name}~`));
    const file = join(partials, partial ?? 'none', 'data');
    return (statSync(file, { throwIfNoEntry: false })?.size ?? 0) >= bytes;
  }, `${bytes} bytes of ${name} are there`);
}

/** What is wrong with the results in a directory, compared with what follows from these editions directly; nothing. */
export function mistakes(data: string, editions: Readonly<Record<Name, number>>): string[] {
  const read = (title: string) => JSON.parse(readFileSync(join(data, `${title}.json`), 'utf8'));
  const lines = linesOf('novels', editions.novels);
  const all = lines.flat();
  const letters = linesOf('letters', editions.letters).flat();
  const [here, there] = [countsOf(all), countsOf(letters)];
  const both = Object.keys(here).filter((word) => word in there);
  const ratio = (word: string) => (here[word] ?? 0) / all.length / ((there[word] ?? 0) / letters.length);
  const places: Record<string, number[]> = {};
  lines.forEach((words, at) => {
    for (const word of words) {
      places[word] ??= [];
      if (places[word].at(-1) !== at + 1) places[word].push(at + 1);
    }
  });
  const alone = (counts: object) => ({
    words: Object.keys(counts).length,
    alone: Object.keys(counts).length - both.length,
  });
  return [
    ...differences('words', read('words').counts, here),
    ...differences('words', { total: read('words').total }, { total: all.length }),
    ...differences('index', read('index'), places),
    ...differences(
      'compare',
      read('compare').both,
      Object.fromEntries(both.map((word) => [word, ratio(word)])),
    ),
    ...differences(
      'compare',
      { ...read('compare'), both: 0 },
      { novels: alone(here), letters: alone(there), both: 0 },
    ),
  ];
}

function linesOf(name: Name, edition: number): string[][] {
  const lines = dataSet(name, edition).toString().toLowerCase().trimEnd().split('\n');
  return lines.map((line) => line.replace('.', '').split(' ').filter(Boolean));
}

function countsOf(words: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const word of words) counts[word] = (counts[word] ?? 0) + 1;
  return counts;
}

function differences(title: string, got: Record<string, unknown>, wanted: Record<string, unknown>): string[] {
  const names = new Set([...Object.keys(got), ...Object.keys(wanted)]);
  return [...names]
    .filter((name) => JSON.stringify(got[name]) !== JSON.stringify(wanted[name]))
    .map((name) => `${title}: ${name}`);
}
