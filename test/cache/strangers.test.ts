import { chmodSync, chownSync, readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openCache } from 'holdfast/cache';
import { expect, it } from 'vitest';
import { Agent } from '../support/agent.ts';
import { asUser } from '../support/child.ts';
import { bindMountFile } from '../support/disk.ts';
import { tool } from '../support/tool.ts';
import { fetchText } from './remote.ts';
import { making, newCache, put } from './support.ts';

const USER = 64_001;

it('a content of another user’s with other bytes is replaced by the fetch that makes it anew, which later ones are served from [K19, K22]', async () => {
  const { directory } = await newCache();
  tool('chown', ['-R', `${USER}:${USER}`, directory]);
  chmodSync(join(directory, '..'), 0o755);
  const owner = await Agent.start({ home: directory, through: asUser(USER) });
  await owner.run(fetchText, directory, 'corpus');
  const path = (await openCache(directory)).peek('corpus')?.path as string;
  const { atime, mtimeMs } = statSync(path);
  writeFileSync(path, 'other');
  utimesSync(path, atime, mtimeMs / 1000);
  chownSync(path, 64_007, 64_007);
  expect(await owner.run(fetchText, directory, 'corpus')).toMatchObject({ fromCache: false, text: 'words' });
  expect(await owner.run(fetchText, directory, 'corpus')).toMatchObject({ fromCache: true, text: 'words' });
});

it('a cache of a group that was closed to it keeps none of its members’ files, and is used again after one fetch [K19, K22]', async () => {
  const { directory } = await newCache();
  chownSync(directory, USER, USER);
  chmodSync(join(directory, '..'), 0o755);
  tool('chown', ['-R', `64007:${USER}`, ...readdirSync(directory).map((name) => join(directory, name))]);
  tool('chmod', ['-R', '2770', directory]);
  const member = await Agent.start({ home: directory, through: asUser(64_007, [USER]) });
  await member.run(fetchText, directory, 'corpus');
  chmodSync(directory, 0o700);
  const owner = await Agent.start({ home: directory, through: asUser(USER) });
  expect(await owner.run(fetchText, directory, 'corpus')).toMatchObject({ fromCache: false });
  expect(await owner.run(fetchText, directory, 'corpus')).toMatchObject({ fromCache: true, text: 'words' });
});

it('a content in whose place nothing can be put fails the fetch, and is not served [K22]', async () => {
  const { cache, home } = await newCache();
  const { path } = await put(cache, 'corpus', 'words');
  await cache.delete('corpus');
  writeFileSync(join(home, 'wrong'), 'other');
  bindMountFile(join(home, 'wrong'), path);
  await expect(cache.fetch('corpus', making('words'))).rejects.toThrow(`(EBUSY): remove ${path}`);
  expect(cache.peek('corpus')).toBeUndefined();
});
