import { chmodSync, chownSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { acquireLock, BusyError, withLock } from 'holdfast';
import { describe, expect, it } from 'vitest';
import { Agent } from '../support/agent.ts';
import { asUser, Child } from '../support/child.ts';
import { newPlace } from '../support/place.ts';
import { tempDirectory } from '../support/temp.ts';
import { staysOpen } from '../support/turns.ts';

const newFile = () => join(tempDirectory(), 'roles.json');

describe('the simple functions', () => {
  it('exclude other processes that lock the same file in whatever way [R54, C2]', async () => {
    const { home } = newPlace();
    const agent = await Agent.start({ home });
    const file = join(home, 'roles.json');

    await withLock(file, async () => {
      expect(await agent.couldAcquire({ file })).toBe(false);
    });
    await agent.acquire({ file });
    await expect(withLock(file, { timeout: 0 }, () => {})).rejects.toBeInstanceOf(BusyError);
    const wait = acquireLock(file);
    expect(await staysOpen(wait)).toBe(true);
    await agent.release();
    await (await wait).release();
  });

  it('never let two programs write over each other: 4 processes, 200 updates, none lost [R54, R77]', async () => {
    const { home } = newPlace();
    const file = join(home, 'counter.json');
    writeFileSync(file, '{"count":0}');
    const agents = await Agent.several(home, 4);

    await Promise.all(
      agents.map((agent) =>
        agent.run(async ({ holdfast, fs }, file) => {
          for (let n = 0; n < 50; n++) {
            await holdfast.withLock(file, { timeout: 120_000 }, async () => {
              const { count } = JSON.parse(fs.readFileSync(file, 'utf8'));
              await new Promise((resolve) => setImmediate(resolve));
              fs.writeFileSync(file, JSON.stringify({ count: count + 1 }));
            });
          }
        }, file),
      ),
    );

    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({ count: 200 });
  });
});

describe('the lock of a data file', () => {
  it('leaves a plain JSON file to other programs, which read, write and replace it as ever [R58]', async () => {
    const file = newFile();
    writeFileSync(file, '{"roles":[]}');
    const lock = await acquireLock(file);
    const script = `import json, os, sys
path = sys.argv[1]
roles = json.load(open(path))
roles['roles'].append('added by another program')
json.dump(roles, open(path + '.new', 'w'))
os.replace(path + '.new', path)`;

    const { code } = await new Child('python3', ['-c', script, file]).finish();

    expect(code).toBe(0);
    lock.assertHeld();
    await lock.release();
    const roles = await withLock(file, () => JSON.parse(readFileSync(file, 'utf8')));
    expect(roles).toEqual({ roles: ['added by another program'] });
  });

  it('stays the same lock when the data file is replaced, removed or made [R58, H7]', async () => {
    const { home } = newPlace();
    const agent = await Agent.start({ home });
    const file = join(home, 'roles.json');
    const lock = await acquireLock(file);

    for (const change of [
      () => writeFileSync(file, 'made'),
      () => {
        writeFileSync(`${file}.new`, 'replaced');
        renameSync(`${file}.new`, file);
      },
      () => renameSync(file, `${file}.away`),
    ]) {
      change();
      expect(await agent.couldAcquire({ file })).toBe(false);
      lock.assertHeld();
    }

    await lock.release();
  });

  it('belongs to the owner of the data file when root makes it [R65]', async () => {
    expect(process.getuid?.(), 'these tests run as root').toBe(0);
    const { home } = newPlace();
    const file = join(home, 'data/roles.json');
    mkdirSync(dirname(file));
    writeFileSync(file, '{}');
    chmodSync(file, 0o600);
    for (const path of [dirname(file), file]) chownSync(path, 65_534, 65_534);

    const { path } = await acquireLock(file).then((lock) => lock.release().then(() => lock));
    expect(statSync(path)).toMatchObject({ uid: 65_534, gid: 65_534 });
    const through = asUser(65534);
    const nobody = await Agent.start({ home, through });

    expect((await nobody.acquire({ file })).degraded).toEqual([]);
    await expect(withLock(file, { timeout: 0 }, () => {})).rejects.toBeInstanceOf(BusyError);
  });
});
