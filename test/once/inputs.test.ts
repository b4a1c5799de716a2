import { writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { once } from 'holdfast/once';
import { describe, expect, it } from 'vitest';
import { digestOf } from '../../src/once/inputs.ts';
import { intercept } from '../engine/portable/intercept.ts';
import { newHome } from '../support/place.ts';
import { tempDirectory } from '../support/temp.ts';
import { UnderWay } from './under-way.ts';
import { Work } from './work.ts';

/** Longer than several of the pieces in which a file is read. */
const LONG = 300_000;

/** The readings of files that begin until the test is over; each resolves when it has ended. */
function readings(): readonly Promise<void>[] {
  const begun: Promise<void>[] = [];
  intercept('createReadStream', (original) => (...args) => {
    const stream = original(...args);
    begun.push(new Promise<void>((resolve) => stream.once('close', () => resolve())));
    return stream;
  });
  return begun;
}

describe('the digest of input files', () => {
  it.each([
    ['first', 0],
    ['middle', LONG / 2],
    ['last', LONG - 1],
  ])('changes with the %s byte of a long file [A14, X58]', async (_, at) => {
    const file = join(tempDirectory(), 'input');
    const bytes = Buffer.alloc(LONG, 'x');
    writeFileSync(file, bytes);
    const before = await digestOf([{ file }]);
    bytes[at] = 0;
    writeFileSync(file, bytes);
    expect(await digestOf([{ file }])).not.toBe(before);
    bytes.fill('x');
    writeFileSync(file, bytes);
    expect(await digestOf([{ file }])).toBe(before);
  });

  it('changes when two files swap their contents and their places in the list [A14, X58]', async () => {
    const directory = tempDirectory();
    const [a, b] = ['a', 'b'].map((name) => join(directory, name)) as [string, string];
    writeFileSync(a, 'one');
    writeFileSync(b, 'two');
    const before = await digestOf([{ file: a }, { file: b }]);
    writeFileSync(a, 'two');
    writeFileSync(b, 'one');
    expect(await digestOf([{ file: b }, { file: a }])).not.toBe(before);
  });

  it('is the same for a file however its path is written [A14, X58]', async () => {
    const file = join(tempDirectory(), 'input');
    writeFileSync(file, 'one');
    const written = [
      relative(process.cwd(), file),
      join(file, '..', '..', relative(join(file, '../..'), file)),
    ];
    const digests = await Promise.all(written.map((path) => digestOf([{ file: path }])));
    expect(digests).toEqual(written.map(() => digests[0]));
    expect(digests[0]).toBe(await digestOf([{ file }]));
  });
});

describe('other inputs', () => {
  it('make a run of their own, also for calls of one process at one time [A14, X58]', async () => {
    newHome();
    const calls = ['v1', 'v2', 'v1'].map((version) => once('build', () => version, { inputs: [version] }));
    expect(await Promise.all(calls)).toEqual(['v1', 'v2', 'v1']);
  });

  it('make a run of their own for who waited for one that succeeded [A1, A14, X58]', async () => {
    newHome();
    const run = await UnderWay.begin();
    const { settled } = await run.awaitedBy(() => once('build', () => 'of v2', { inputs: ['v2'] }));
    await run.succeeds('of v1', { inputs: await digestOf(['v1']) });
    expect(await settled).toBe('of v2');
  });

  it('make a run of their own for who waited for one that failed [A1, A14, X58]', async () => {
    newHome();
    const run = await UnderWay.begin();
    const { settled } = await run.awaitedBy(() => once('build', () => 'of v2', { inputs: ['v2'] }));
    await run.fails(new Error('bad v1'), { inputs: await digestOf(['v1']) });
    expect(await settled).toBe('of v2');
  });

  it('do not meet a failure that is remembered [A14, X58]', async () => {
    newHome();
    const failing = () => Promise.reject(new Error('bad v1'));
    await once('build', failing, { inputs: ['v1'], failureTtl: 60_000 }).catch(() => {});
    expect(await once('build', () => 'of v2', { inputs: ['v2'] })).toBe('of v2');
  });

  it('are those at the start of the run, not those when the call came [A14, X58]', async () => {
    const file = join(newHome(), 'input');
    writeFileSync(file, 'one');
    const inputs = [{ file }];
    const work = new Work();
    const run = await UnderWay.begin();
    const reads = readings();
    const { settled } = await run.awaitedBy(() => work.once({ inputs }));
    expect(reads.length, 'what the call has read before it waits').toBeGreaterThan(0);
    await Promise.all(reads);
    writeFileSync(file, 'two');
    run.leaves();
    expect(await settled).toBe(1);
    expect(await work.once({ inputs })).toBe(1);
    writeFileSync(file, 'one');
    expect(await work.once({ inputs })).toBe(2);
  });
});
