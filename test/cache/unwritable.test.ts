import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openCache } from 'holdfast/cache';
import { expect, it, onTestFinished } from 'vitest';
import { Agent, type Remote } from '../support/agent.ts';
import { asUser } from '../support/child.ts';
import { tempDirectory } from '../support/temp.ts';
import { tool } from '../support/tool.ts';
import { making, put, refuses } from './support.ts';

const USER = 64_009;

/** Changes a content, and not its size. */
function rewrite(path: string): void {
  chmodSync(path, 0o644);
  writeFileSync(path, 'WORDS');
}

/** The message of a fetch that fails. */
async function told(fetch: Promise<unknown>): Promise<string> {
  return fetch.then(
    () => 'it did not fail',
    ({ message }: Error) => message,
  );
}

it('a changed content in a cache that can only be read is told with what helps there, and no other policy does [K18, R82]', async () => {
  const directory = join(tempDirectory(), 'cache');
  const cache = await openCache(directory);
  const { path } = await put(cache, 'corpus', 'words');
  rewrite(path);
  tool('mount', ['--bind', directory, directory]);
  onTestFinished(() => void tool('umount', ['--lazy', directory]));
  tool('mount', ['-o', 'remount,bind,ro', directory]);
  const obstacle = `The cache directory ${directory} cannot be written: EROFS. Mount its file system with write access, or use another one.`;

  for (const policy of ['if-missing', 'never'] as const) {
    const message = await told(cache.fetch('corpus', refuses, { policy }));
    expect(message).toBe(
      `The content of corpus was changed after it was published, and this call cannot fetch it anew: ${path}. ${obstacle}`,
    );
  }
  expect(await told(cache.fetch('other', making('x')))).toBe(obstacle);
});

it('a changed content in a cache that can be written is told with the policy that heals it [K22, R82]', async () => {
  const cache = await openCache(join(tempDirectory(), 'cache'));
  const { path } = await put(cache, 'corpus', 'words');
  rewrite(path);
  const never = cache.fetch('corpus', refuses, { policy: 'never' });
  expect(await told(never)).toMatch(/ cannot fetch it anew: .*\. Fetch it with the policy "if-missing"\.$/);
});

it('a cache of another user says whose it is, and what helps [K18, R82]', async () => {
  const home = tempDirectory();
  const directory = join(home, 'cache');
  mkdirSync(directory);
  chmodSync(directory, 0o755);
  await openCache(directory);
  const agent = await Agent.start({ home, through: asUser(USER) });
  const message = await agent.run(async ({ cache }: Remote, path: string) => {
    const opened = await cache.openCache(path);
    return opened.fetch('corpus', async () => undefined).catch(({ message }: Error) => message);
  }, directory);
  expect(message).toBe(
    `The cache directory ${directory} cannot be written: EACCES. ${join(directory, 'locks')} belongs to root. Have its owner let this user in, do this as root, or use another one.`,
  );
});
