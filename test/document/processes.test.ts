import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LockManager } from 'holdfast';
import { describe, expect, it } from 'vitest';
import { Child, fixture } from '../support/child.ts';
import { memoryDirectory } from '../support/temp.ts';
import { injecting } from '../support/tool.ts';

it('no update of several processes is lost', async () => {
  const directory = memoryDirectory();
  const path = join(directory, 'roles.json');
  writeFileSync(path, '{ "a": 0 }');
  const start = () => new Child(process.execPath, [fixture('document-counter.mjs'), path, '25'], {});
  const children = [start(), start(), start()];
  for (let count = 1; count <= 25; count++) {
    await Promise.all(children.map((child) => child.says(new RegExp(`^at ${count}$`, 'm'))));
  }
  const endings = await Promise.all(children.map((child) => child.exits()));
  expect(endings.map(({ code, stderr }) => [code, stderr])).toEqual([
    [0, ''],
    [0, ''],
    [0, ''],
  ]);
  expect(readFileSync(path, 'utf8')).toBe('{ "a": 75 }');
  expect(readdirSync(directory).filter((name) => name.endsWith('.tmp'))).toEqual([]);
});

describe('what is to be saved when a program ends', () => {
  it.each([
    ['runs out', 1],
    ['exits', 1],
    ['exits after it asked for more', 3],
    ['exits after a save was late', 1],
    ['exits once it has the lock, and has not heard of it', 1],
    ['exits while it writes', 2, 2_000_000],
    ['exits while it writes, and its listener comes after an editor', 6, 2_000_000],
    ['exits while it syncs', 1, 2_000_000],
    ['exits while it syncs, and its listener asks for more', 3, 2_000_000],
    ['is a thread that exits', 1],
  ])('by itself is written before it is gone, and counts once: it %s [D6]', async (how, a, length = 1) => {
    const directory = memoryDirectory();
    const path = join(directory, 'roles.json');
    const text = (count: number) => `{ "a": ${count}, "more": "${'x'.repeat(length)}" }`;
    writeFileSync(path, text(0));
    const child = new Child(process.execPath, [fixture('document-ending.mjs'), path, how]);
    expect(await child.exits()).toMatchObject({ code: 0, stderr: '' });
    expect(readFileSync(path, 'utf8') === text(a), `a is ${a}`).toBe(true);
    expect(readdirSync(directory).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('is not written by a thread that its process ends, and the document stays whole [D1, D6]', async () => {
    const path = join(memoryDirectory(), 'roles.json');
    writeFileSync(path, '{ "a": 0 }');
    const child = new Child(process.execPath, [
      fixture('document-ending.mjs'),
      path,
      'is a thread that is ended',
    ]);
    expect(await child.exits()).toMatchObject({ code: 0, stderr: '' });
    expect(readFileSync(path, 'utf8')).toBe('{ "a": 0 }');
  });

  it.each([
    ['exits while a recipe waits', 2, [/^1 change: the recipe is asynchronous, and there is no time left/]],
    ['exits out of a recipe', 2, [/^1 change: it exited while this change was worked out$/]],
    ['loses what fails', 1, [/^1 change: no\\u001b\[2J luck$/, /^1 change: the recipe is asynchronous/]],
    ['loses what waits for a lock', 0, [/^2 changes: .*roles\.json.* held by .*waited 1\.0s/]],
  ])('and cannot be written is told on standard error, and logged: it %s [D6, R24]', async (how, a, why) => {
    const directory = memoryDirectory();
    const path = join(directory, 'roles.json');
    writeFileSync(path, '{ "a": 0 }');
    const lock = how.endsWith('a lock') ? await new LockManager().acquire({ file: path }) : undefined;
    const child = new Child(process.execPath, [fixture('document-ending.mjs'), path, how]);
    const { code, stderr } = await child.exits();
    await lock?.release();
    const lines = readFileSync(join(directory, 'audit.jsonl'), 'utf8').trim().split('\n');
    const dropped = lines.map((line) => JSON.parse(line)).filter(({ event }) => event === 'document:dropped');
    expect(code).toBe(0);
    expect(readFileSync(path, 'utf8')).toBe(`{ "a": ${a} }`);
    expect(dropped.map(({ detail }) => detail)).toEqual(why.map((each) => expect.stringMatching(each)));
    for (const { detail } of dropped) {
      const [changes, reason] = detail.split(/: (.*)/s);
      const told = `${changes} of ${path} could not be written before the process exited: ${reason}\n`;
      expect(stderr).toContain(`[HOLDFAST_DROPPED] HoldfastWarning: ${told}`);
    }
    expect(stderr.match(/HOLDFAST_DROPPED/g)).toHaveLength(why.length);
  });
});

it.each([
  ['before both are due'],
  ['after both were late'],
  ['while the first one writes', 2_000_000],
  ['while the second one writes', 2_000_000],
  ['while one writes and the other one waits', 2_000_000],
  ['while a recipe of one waits'],
  ['while both wait'],
  ['while an updateFile waits'],
  ['out of a recipe of one'],
  ['once one has the lock, and has not heard of it'],
])(
  'two documents on one file in one process are both written, and merged, when it exits %s [D4, D6]',
  async (when, length = 1) => {
    const path = join(memoryDirectory(), 'roles.json');
    const text = (count: number) => `{ "a": ${count}, "b": ${count}, "more": "${'x'.repeat(length)}" }`;
    writeFileSync(path, text(0));
    const child = new Child(process.execPath, [fixture('document-pair.mjs'), path, when]);
    const { code, stderr } = await child.exits();
    expect(code).toBe(0);
    expect(stderr).toMatch(
      /of one$|of one waits/.test(when) ? / 1 change of .* could not be written / : /^$/,
    );
    expect(readFileSync(path, 'utf8').replaceAll('x', '')).toBe(text(1).replaceAll('x', ''));
  },
);

it.each([
  ['2', ['written', 'written']],
  ['2..4', ['refused HOLDFAST_NOT_WRITTEN', 'refused HOLDFAST_NOT_WRITTEN']],
])(
  'a save whose version stands unsynced counts once when it is tried again, and is told when it is synced: sync %s fails [D4, D5, D17]',
  async (failing, then) => {
    const path = join(memoryDirectory(), 'roles.json');
    writeFileSync(path, '{ "a": 0 }');
    const program = [process.execPath, fixture('document-victim.mjs'), 'again', path];
    const [strace = '', ...how] = injecting('fsync', `error=EIO:when=${failing}`);
    const victim = new Child(strace, [...how, ...program]);
    await victim.line('ready');
    victim.say('');
    await victim.exits();
    expect(victim.stdout.split('\n').filter((line) => /written|refused|external/.test(line))).toEqual([
      'refused HOLDFAST_NOT_WRITTEN',
      ...then,
    ]);
    expect(readFileSync(path, 'utf8')).toBe('{ "a": 1 }');
  },
);

it.each([
  ['the file', 1, 0],
  ['its directory, after which it may be there and nobody was told that it is', 2, 1],
])('an update is refused, with the cause, when the sync of %s fails [D5]', async (_what, sync, found) => {
  const path = join(memoryDirectory(), 'roles.json');
  writeFileSync(path, '{ "a": 0 }');
  const program = [process.execPath, fixture('document-victim.mjs'), 'refused', path];
  const inject = ['-f', '-o', '/dev/null', '-e', 'trace=fsync', '-e', `inject=fsync:error=EIO:when=${sync}`];
  const victim = new Child('strace', [...inject, ...program]);
  await victim.line('ready');
  victim.say('');
  expect(await victim.line('refused')).toBe('refused HOLDFAST_NOT_WRITTEN EIO');
  await victim.exits();
  expect(readFileSync(path, 'utf8')).toBe(`{ "a": ${found} }`);
});

it.each([
  ['update', 2, '{ "a": 1 }', ['logged EIO']],
  ['updateJson', 2, '{ "a": 1 }', ['logged EIO', 'external']],
  ['restore', 4, '{ "a": 5 }', ['logged EIO', 'restored own']],
  ['restoreBackup', 4, '{ "a": 5 }', ['logged EIO', 'external']],
  ['remove', 3, undefined, []],
])(
  'a change is told, and logged, as made where the sync of the directory alone fails: %s [D5, D17, R24]',
  async (work, sync, found, events) => {
    const directory = memoryDirectory();
    const path = join(directory, 'roles.json');
    writeFileSync(path, '{ "a": 0 }');
    writeFileSync(join(directory, 'roles.json.20261127T194201.123Z.bak'), '{ "a": 5 }');
    const program = [process.execPath, fixture('document-victim.mjs'), `unsynced ${work}`, path];
    const [strace = '', ...how] = injecting('fsync', `error=EIO:when=${sync}`);
    const victim = new Child(strace, [...how, ...program]);
    await victim.line('ready');
    victim.say('');
    const told = await victim.line('told');
    await victim.exits();
    expect(told).toContain('"isInFile":true');
    expect(told).toContain(
      `The change of ${path} was made, and a power loss may undo it: its directory was not synced (EIO).`,
    );
    const logged = victim.stdout.split('\n').filter((line) => /^(logged|external|restored)/.test(line));
    expect(logged).toEqual(events);
    expect(existsSync(path) ? readFileSync(path, 'utf8') : undefined).toBe(found);
  },
);
