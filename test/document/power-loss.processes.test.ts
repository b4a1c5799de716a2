import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openDocument } from 'holdfast/document';
import { describe, expect, it, vi } from 'vitest';
import { stamp } from '../../src/document/file/names.ts';
import { Child, fixture } from '../support/child.ts';
import { CHANGING, type Change, changesIn } from '../support/power-loss/changes.ts';
import { Disk, restore } from '../support/power-loss/disk.ts';
import { memoryDirectory } from '../support/temp.ts';
import { type Counter, raise } from './opened.ts';

const NAME = 'roles.json';
const [OLD, NEW, DAMAGED] = ['{ "a": 0 }\n', '{ "a": 1 }\n', '{ "a": '];
const BACKUP = `${NAME}.${stamp()}.bak`;
const MISSING = 'missing';

interface Case {
  readonly before: Readonly<Record<string, string>>;
  /** What a document may be afterwards; `last`: once the work was told to be done. */
  readonly outcomes: readonly unknown[];
  readonly last: unknown;
  readonly recover?: 'auto';
}

const cases: Readonly<Record<string, Case>> = {
  update: { before: { [NAME]: OLD }, outcomes: [0, 1], last: 1 },
  large: { before: { [NAME]: OLD }, outcomes: [0, 1], last: 1 },
  create: { before: {}, outcomes: [MISSING, 1], last: 1 },
  remove: { before: { [NAME]: OLD }, outcomes: [0, MISSING], last: MISSING },
  recover: { before: { [NAME]: DAMAGED, [BACKUP]: NEW }, outcomes: [1], last: 1, recover: 'auto' },
};

/** A directory with a document in it, and one with a link to that. */
function prepare(before: Case['before']) {
  const home = memoryDirectory();
  const [directory, way] = [join(home, 'real'), join(home, 'way')];
  mkdirSync(directory);
  mkdirSync(way);
  for (const [name, text] of Object.entries(before)) writeFileSync(join(directory, name), text);
  writeFileSync(join(directory, `.${NAME}.lock`), ''); // which stays, and tells nothing
  symlinkSync(`../real/${NAME}`, join(way, NAME));
  return { home, directory, way, link: join(way, NAME) };
}

/** What one work on a document changed: in its directory, and in the one of the link that leads to it. */
async function record(work: string, { home, link }: ReturnType<typeof prepare>): Promise<Change[]> {
  const trace = join(home, 'trace');
  const options = ['-f', '-y', '-s', '300000', '-o', trace, '-e', `trace=${CHANGING}`];
  const victim = new Child(
    'strace',
    [...options, process.execPath, fixture('document-victim.mjs'), work, link],
    {
      env: { UV_THREADPOOL_SIZE: '1' },
    },
  );
  await victim.line('ready');
  victim.say('');
  await victim.line('done');
  await victim.exits();
  return changesIn(readFileSync(trace, 'utf8'), home).filter(({ path }) => !/^trace|\.lock/.test(path));
}

/** What the document is now; it can be changed then, and nothing is left of what was lost. */
async function outcomeOf(directory: string, recover: 'auto' | undefined, where: string): Promise<unknown> {
  const path = join(directory, NAME);
  const options = recover === undefined ? {} : { recover };
  const document = await openDocument<Counter>(path, options).catch((error: { code?: string }) => {
    expect(error.code, `${where}: ${error}`).toBe('HOLDFAST_MISSING');
  });
  const found = document?.read().a ?? MISSING;
  const again = document ?? (await openDocument<Counter>(path, { create: { a: 0 } }));
  const before = again.read().a;
  expect((await again.update(raise)).a, where).toBe(before + 1);
  await again.close();
  await expectSweptInTime(directory, where);
  if (recover !== undefined) expect(readFileSync(join(directory, BACKUP), 'utf8'), where).toBe(NEW);
  return found;
}

/** What is no whole text stays for an hour: an outsider may still be writing it. */
async function expectSweptInTime(directory: string, where: string): Promise<void> {
  const left = () => readdirSync(directory).filter((name) => name.endsWith('.tmp'));
  for (const name of left()) {
    expect(() => JSON.parse(readFileSync(join(directory, name), 'utf8')), where).toThrow();
  }
  if (left().length === 0) return;
  const later = Date.now() + 3_700_000;
  const clock = vi.spyOn(Date, 'now').mockReturnValue(later);
  try {
    const document = await openDocument<Counter>(join(directory, NAME));
    await document.update(raise);
    await document.close();
  } finally {
    clock.mockRestore();
  }
  expect(left(), where).toEqual([]);
}

describe('every state that a power cut may leave', () => {
  it.each(Object.keys(cases))(
    'of a document in a directory behind a link, after each call of its %s, opens as the old version, the new one, or recovers; once that was confirmed, as the new one, for the real directory was synced, and nothing was written in place [D1, D2, D10, D29]',
    { timeout: 3_600_000 },
    async (work) => {
      const { before, outcomes, last: expected, recover } = cases[work] as Case;
      const place = prepare(before);
      const disk = new Disk(place.directory);
      const changes = await record(work, place);
      expect(changes.filter(({ path }) => path.startsWith('way'))).toEqual([]);
      const own = changes.map((change) => withoutDirectory(change));
      expect(
        own.filter(({ call, path }) => path === NAME && ['write', 'truncate', 'create'].includes(call)),
      ).toEqual([]);
      const seen = new Map<string, unknown>();
      const copy = join(place.home, 'copy');
      let last = new Set<unknown>();
      for (const [at, change] of own.entries()) {
        disk.apply(change);
        last = new Set();
        for (const remains of disk.remains()) {
          if (!seen.has(remains.text)) {
            restore(remains, copy);
            const where = `after change ${at}, ${change.call} ${change.path}, having lost ${remains.loss} that was not synced: ${[...remains.files.keys()].join(' ')}`;
            seen.set(remains.text, await outcomeOf(copy, recover, where));
            rmSync(copy, { recursive: true });
          }
          last.add(seen.get(remains.text));
        }
      }
      expect(new Set(seen.values())).toEqual(new Set(outcomes));
      expect([...last]).toEqual([expected]);
    },
  );
});

function withoutDirectory<C extends Change>(change: C): C {
  const short = (path: string) => path.replace(/^real\/?/, '');
  return { ...change, path: short(change.path), ...('to' in change && { to: short(change.to) }) };
}
