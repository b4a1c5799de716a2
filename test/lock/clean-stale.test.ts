import { existsSync, mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { cleanStale, LockManager } from 'holdfast';
import { describe, expect, it } from 'vitest';
import { Place } from '../../src/engine/portable/place.ts';
import { portableEngine } from '../../src/engine/portable/portable.ts';
import { CLAIM_FILE } from '../../src/engine/signature.ts';
import { contender, requestFor } from '../engine/harness.ts';
import { Peer } from '../engine/peer.ts';
import { Agent } from '../support/agent.ts';
import { tempDirectory } from '../support/temp.ts';

const module = new URL('../fixtures/portable-engines.mjs', import.meta.url);
const ANCIENT = new Date('2001-01-01');

/** Everything below a directory, with the contents of files. */
function everything(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .map((entry) => {
      const path = join(entry.parentPath, entry.name);
      return entry.isFile() ? `${path} ${readFileSync(path, 'utf8')}` : path;
    })
    .sort();
}

/** What the dead leave: a holder, a reader, a waiter, an unfinished claim; and what must stay: the same of the living. */
async function litter(layout: 'file' | 'directory') {
  const home = tempDirectory();
  const source = { module, name: `${layout}Engine` };
  const [dead, living] = await Promise.all([Peer.start(source, home), Peer.start(source, home)]);
  const at = (name: string) => requestFor(join(home, `${name}.lock`));
  const shared = (name: string) => requestFor(join(home, `${name}.lock`), 'shared');
  await dead.acquire(at('dead-holder'), 'a');
  await dead.acquire(shared('dead-reader'), 'b');
  await living.acquire(at('living-holder'), 'c');
  await dead.wait(at('living-holder'), 'd');
  await living.acquire(shared('living-reader'), 'e');
  await dead.kill();
  return { home, living };
}

describe.each(['file', 'directory'] as const)('cleanStale, of claims in the %s layout', (layout) => {
  const engine = portableEngine({ layout });

  it('removes what the dead left and nothing that the living have, and says why [F12, R45, R46, R47, R48]', async () => {
    const { home } = await litter(layout);

    const { removed, kept } = await cleanStale(home);

    const what = (name: string) => removed.filter(({ lock }) => lock === join(home, `${name}.lock`));
    expect(what('dead-holder')).toMatchObject([
      { path: join(home, 'dead-holder.lock'), what: 'claim', why: 'its owner is dead' },
    ]);
    expect(what('dead-reader')).toMatchObject([{ what: 'claim', why: 'its owner is dead' }]);
    expect(what('living-holder')).toMatchObject([{ what: 'ticket', why: 'its waiter is dead' }]);
    expect(removed).toHaveLength(3);
    for (const { path } of removed) expect(existsSync(path)).toBe(false);
    expect(kept).toMatchObject([
      { path: join(home, 'living-holder.lock'), why: 'its owner lives' },
      { lock: join(home, 'living-reader.lock'), why: 'its owner lives' },
    ]);
    for (const { path } of kept) expect(existsSync(path)).toBe(true);
    expect(await cleanStale(home)).toEqual({ removed: [], kept });
  });

  it('removes nothing under dryRun, and tells the same [F12]', async () => {
    const { home } = await litter(layout);
    const before = everything(home);

    const preview = await cleanStale(home, { dryRun: true });

    expect(everything(home)).toEqual(before);
    expect(preview).toEqual(await cleanStale(home));
  });

  it('leaves the news of a dead holder to the next one [F12, R45]', async () => {
    const { home } = await litter(layout);
    await cleanStale(home);

    const grant = await contender(engine).acquire(requestFor(join(home, 'dead-holder.lock')));

    expect(grant.recovered).toBeDefined();
  });

  it('never touches a file without Holdfast’s signature, whatever it is called and however old it is [F12]', async () => {
    const home = tempDirectory();
    const place = new Place(join(home, 'a.lock'));
    mkdirSync(place.readers, { recursive: true });
    mkdirSync(join(home, 'poetry.lock'));
    const precious = [
      join(home, 'uv.lock'),
      join(home, 'poetry.lock', CLAIM_FILE),
      ...['new', 'gone', 'break', 'child', 'waits', 'ticket'].map((kind) => join(place.queue, `${kind}.tar`)),
      place.privatePath('0'.repeat(32)),
      join(place.privatePath('1'.repeat(32)), CLAIM_FILE),
      join(place.gonePath('1'.repeat(32)), CLAIM_FILE),
      place.readerPath('0'.repeat(32)),
    ];
    for (const path of precious) {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, 'precious');
      utimesSync(path, ANCIENT, ANCIENT);
    }
    const before = everything(home);

    expect((await cleanStale(home)).removed).toEqual([]);
    expect(everything(home)).toEqual(before);
  });
});

it('cleanStale removes dead tickets of the kernel engine, and never its lock files [F12]', async () => {
  const home = tempDirectory();
  const [holder, waiter] = await Agent.several(home, 2);
  const { path } = await holder.acquire('mirror');
  await waiter.wait('mirror', { timeout: 120_000 });
  const directory = join(home, 'locks');
  expect(await cleanStale(directory)).toMatchObject({ removed: [], kept: [{ what: 'ticket', lock: path }] });
  await waiter.kill();

  const { removed } = await cleanStale(directory, { dryRun: true });
  expect(removed).toMatchObject([{ what: 'ticket', why: 'its owner is dead' }]);
  expect(await cleanStale(directory)).toEqual({ removed, kept: [] });
  expect(existsSync(path)).toBe(true);
  expect(new LockManager({ directory }).query().held).toMatchObject([{ path }]);
});

it('cleanStale names an argument that is no path', async () => {
  await expect(cleanStale('')).rejects.toMatchObject({ code: 'HOLDFAST_INPUT', input: 'directory' });
});
