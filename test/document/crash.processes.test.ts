import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openDocument } from 'holdfast/document';
import { describe, expect, it } from 'vitest';
import { stamp } from '../../src/document/file/names.ts';
import { Child, fixture } from '../support/child.ts';
import { memoryDirectory } from '../support/temp.ts';
import { type Counter, raise } from './opened.ts';

/** The calls that change something, and how often the works that are killed here make them. */
const CALLS =
  'openat write,pwrite64 fsync fchmod,fchown renameat2,rename,renameat link,linkat unlink,unlinkat flock'.split(
    ' ',
  );
/** Of an update: in its fresh file before the text, in the text, after the exchange, and before the directory is synced. */
const POINTS = ['write,pwrite64 2', 'fsync 1', 'renameat2,rename,renameat 1', 'unlink,unlinkat 1'];
const MOST_CALLS = 400;
const isSweep = process.env.HOLDFAST_DOCUMENT_SWEEP === 'all';
const [OLD, NEW, DAMAGED] = ['{ "a": 0 }\n', '{ "a": 1 }\n', '{ "a": '];
const BACKUP = `roles.json.${stamp()}.bak`;

const before: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  update: { 'roles.json': OLD },
  large: { 'roles.json': OLD },
  create: {},
  remove: { 'roles.json': OLD },
  recover: { 'roles.json': DAMAGED, [BACKUP]: NEW },
};

function prepare(work: string): string {
  const directory = join(memoryDirectory(), 'data');
  mkdirSync(directory);
  for (const [name, text] of Object.entries(before[work] ?? {})) writeFileSync(join(directory, name), text);
  return directory;
}

/** Whether the victim was killed at its n-th call of a kind, from where it begins its work; false when it has none. */
async function isKilled(work: string, directory: string, call: string, n: number): Promise<boolean> {
  const victim = new Child(
    process.execPath,
    [fixture('document-victim.mjs'), work, join(directory, 'roles.json')],
    {
      env: { UV_THREADPOOL_SIZE: '1' },
    },
  );
  await victim.line('ready');
  const trace = ['-f', '-p', String(victim.pid), '-o', '/dev/null', '-e', `trace=${call}`];
  const tracer = new Child('strace', [...trace, '-e', `inject=${call}:signal=SIGKILL:when=${n}`]);
  await tracer.says(/attached/, 'stderr');
  victim.say('');
  const { signal, stdout, stderr } = await victim.exits();
  await tracer.exits();
  if (signal === 'SIGKILL') return true;
  expect([stdout, stderr]).toEqual([expect.stringContaining('done'), '']);
  return false;
}

/** The old version, the new one, or none where that is one of the two; and it goes on from there, with the lock free. */
async function expectRecovery(work: string, directory: string, where: string): Promise<void> {
  const path = join(directory, 'roles.json');
  const text = readdirSync(directory).includes('roles.json') ? readFileSync(path, 'utf8') : undefined;
  const options = { create: { a: 0 }, ...(work === 'recover' && { recover: 'auto' as const }) };
  const document = await openDocument<Counter>(path, options);
  const { a } = document.read();
  expect([0, 1], where).toContain(a);
  if (text === undefined) expect(['create', 'remove'], where).toContain(work);
  expect((await document.update(raise)).a, where).toBe(a + 1);
  await document.close();
  const left = readdirSync(directory).filter((name) => name.endsWith('.tmp'));
  for (const name of left) {
    expect(() => JSON.parse(readFileSync(join(directory, name), 'utf8')), where).toThrow(); // it goes in an hour
  }
  const copies = readdirSync(directory).filter((name) => name.endsWith('.bak'));
  expect(copies.length, where).toBeLessThanOrEqual(4);
  const isWhole = (name: string) => /^\{.*\}\s*$/s.test(readFileSync(join(directory, name), 'utf8'));
  expect(copies.filter((name) => !isWhole(name)).length, where).toBeLessThanOrEqual(1); // the one that it was writing
}

describe('a process that is killed while it works on a document', () => {
  it('leaves the old version or the new one, and the next one goes on from there [R10, D2]', {
    timeout: 3_600_000,
  }, async () => {
    const points = POINTS.map((point) => point.split(' '));
    await Promise.all(
      points.map(async ([call = '', n]) => {
        const directory = prepare('update');
        expect(await isKilled('update', directory, call, Number(n)), `killed at ${call} ${n}`).toBe(true);
        await expectRecovery('update', directory, `a kill at ${call} ${n}`);
      }),
    );
  });

  it.runIf(isSweep).each(Object.keys(before))(
    'at any call of its %s leaves the same',
    { timeout: 3_600_000 },
    async (work) => {
      let killed = 0;
      for (const call of CALLS) {
        for (let n = 1; n < MOST_CALLS; n++) {
          const directory = prepare(work);
          const was = await isKilled(work, directory, call, n);
          await expectRecovery(work, directory, `a kill at ${call} ${n}: ${was}`);
          if (!was) break;
          killed++;
        }
      }
      console.info(`${work}: ${killed} kills`);
      expect(killed).toBeGreaterThan(8);
    },
  );
});
