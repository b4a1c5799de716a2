import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, it } from 'vitest';
import { needsRoot } from '../support/root.ts';
import { Cli } from './cli.ts';

const NOBODY = 65534;

beforeEach(() => needsRoot());

/** A directory with one lock, which root holds, and of which another user may see nothing but its name. */
async function unseenLock() {
  const cli = new Cli();
  const directory = join(cli.home, 'locks');
  cli.env.HOLDFAST_ENGINE = 'portable';
  await cli.hold('--shared', 'mirror');
  chmodSync(cli.home, 0o755);
  chmodSync(directory, 0o755);
  const look = (...words: string[]) => cli.asUser(NOBODY, [...words, '--directory', directory]).finish();
  return { directory, look };
}

const LACK =
  /this user may not look at the lock \/.*\/mirror~\w+\.lock: it can be held all the same\. Have its owner/;

it('ls does not say that there are no locks where it may not look at one, but names that [H17, R82]', async () => {
  const { look } = await unseenLock();

  for (const words of [['ls'], ['ls', '--names']]) {
    const { code, stdout, stderr } = await look(...words);
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: '', stderr: expect.stringMatching(LACK) });
  }
  const { stdout, stderr } = await look('ls', '--json');
  expect(JSON.parse(stdout)).toEqual([]);
  expect(JSON.parse(stderr)).toEqual({
    event: 'unseen',
    paths: [expect.stringMatching(/mirror~\w+\.lock$/)],
  });
});

it('top does not say that there are no locks where it may not look at one, but names that [H17, R82]', async () => {
  const { look } = await unseenLock();

  const { stdout } = await look('top', '--count', '1');
  expect(stdout).toMatch(LACK);
  expect(stdout).not.toContain('no locks');
  const json = await look('top', '--count', '1', '--json');
  expect(JSON.parse(json.stdout)).toMatchObject({
    locks: [],
    unseen: [expect.stringMatching(/mirror~\w+\.lock$/)],
  });
});

it('ls and top fail in a directory whose names alone one may read [H17, R82]', async () => {
  const { directory, look } = await unseenLock();
  chmodSync(directory, 0o744);

  for (const words of [['ls'], ['top', '--count', '1']]) {
    const { code, stdout, stderr } = await look(...words);
    expect({ code, stdout }).toEqual({ code: 125, stdout: '' });
    expect(stderr).toMatch(/The locks in .* cannot be read \(EACCES\)/);
  }
});
