import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { tool } from '../support/tool.ts';
import { bodies, Fetching } from './fetching.ts';

/** A cache with two entries, of which `words` was used last. */
async function filled() {
  const fetching = new Fetching();
  const { url } = await bodies({ '/corpus': 'a corpus', '/words': 'words' });
  const { stdout } = await fetching.run(`${url}/corpus`);
  await fetching.run(`${url}/words`);
  const { stdout: listed } = await fetching.cacheCommand('ls', '--json');
  const entries = listed
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  return { fetching, url, corpus: stdout.trimEnd(), entries };
}

/** Nobody has used the entry of the corpus, nor its content, for a day. */
function age({ cache }: Fetching, content: string): void {
  const entries = join(cache, 'entries');
  const yesterday = Date.now() / 1000 - 86_400;
  utimesSync(content, yesterday, yesterday);
  for (const name of readdirSync(entries)) {
    if (name.includes('corpus')) utimesSync(join(entries, name), yesterday, yesterday);
  }
}

describe('cache ls', () => {
  it('lists the entries with size, age and last use, the last used first', async () => {
    const { fetching, url, entries } = await filled();
    expect(entries).toMatchObject([
      { key: `${url}/words`, size: 5, lastUsed: expect.any(String) },
      { key: `${url}/corpus`, size: 8, integrity: expect.stringMatching(/^sha256-/) },
    ]);
    const { code, stdout, stderr } = await fetching.cacheCommand('ls');
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout.split('\n')).toEqual([
      expect.stringMatching(/^KEY +SIZE +AGE +LAST USE$/),
      expect.stringMatching(/^\S+\/words +5 B +\S+ +\S+ ago$/),
      expect.stringMatching(/^\S+\/corpus +8 B +\S+ +\S+ ago$/),
      '',
    ]);
  });

  it('cuts a key that is as long as keys can be, and tells it whole as JSON [K24]', async () => {
    const fetching = new Fetching();
    const { url } = await bodies({ '/words': 'words' });
    const key = 'k'.repeat(20_000);
    await fetching.run('--key', key, `${url}/words`);
    expect((await fetching.cacheCommand('ls')).stdout).toMatch(/^KEY {198,}SIZE.*\nk{199}… +5 B .*\n$/);
    expect(JSON.parse((await fetching.cacheCommand('ls', '--json')).stdout)).toMatchObject({ key });
  });

  it('makes no directory to look into', async () => {
    const fetching = new Fetching();
    for (const args of [['ls'], ['verify'], ['prune']]) {
      expect((await fetching.cacheCommand(...args)).code).toBe(0);
    }
    expect((await fetching.cacheCommand('ls')).stderr).toBe(
      `holdfast: nothing is cached in ${fetching.cache}\n`,
    );
    expect(existsSync(fetching.cache)).toBe(false);
  });
});

it.each([['ls'], ['path', 'corpus'], ['verify'], ['prune', '--dry-run'], ['prune'], ['rm', 'corpus']])(
  'cache %s makes nothing in a directory that is no cache [K18]',
  async (...args) => {
    const fetching = new Fetching();
    mkdirSync(fetching.cache);
    writeFileSync(join(fetching.cache, 'a file of somebody'), 'words');
    const { code, stderr } = await fetching.cacheCommand(...args);
    expect(code).toBe(['path', 'rm'].includes(args[0] as string) ? 1 : 0);
    expect(stderr).not.toMatch(/HOLDFAST_CACHE_DIRECTORY/);
    expect(readdirSync(fetching.cache)).toEqual(['a file of somebody']);
  },
);

describe('cache path', () => {
  it('prints the path of an entry, and exits with 1 for none', async () => {
    const { fetching, url, corpus } = await filled();
    expect(await fetching.cacheCommand('path', `${url}/corpus`)).toMatchObject({
      code: 0,
      stdout: `${corpus}\n`,
    });
    const none = await fetching.cacheCommand('path', `${url}/corps`);
    expect(none).toMatchObject({ code: 1, stdout: '' });
    expect(none.stderr).toBe(`holdfast: ${url}/corps is not in the cache ${fetching.cache}\n`);
  });
});

it('an entry is found under a key that looks like an address, and removed', async () => {
  const { fetching, url } = await filled();
  const key = 'https://data.example/c?sig=1';
  const { stdout } = await fetching.run('--key', key, `${url}/corpus`);
  expect(await fetching.cacheCommand('path', key)).toMatchObject({ code: 0, stdout });
  expect((await fetching.cacheCommand('rm', key)).code).toBe(0);
  expect((await fetching.cacheCommand('path', key)).code).toBe(1);
});

describe('cache verify', () => {
  it('finds what was changed, and with --repair has it fetched again [K21]', async () => {
    const { fetching, url, corpus } = await filled();
    const right = await fetching.cacheCommand('verify');
    expect(right).toMatchObject({ code: 0, stdout: '2 entries checked, all unchanged\n' });
    chmodSync(corpus, 0o644);
    writeFileSync(corpus, 'A CORPUS');

    const found = await fetching.cacheCommand('verify');
    expect(found).toMatchObject({
      code: 1,
      stdout: `${url}/corpus: its content was changed\n2 entries checked, 1 bad; --repair puts them aside\n`,
    });
    const json = await fetching.cacheCommand('verify', '--json');
    expect(JSON.parse(json.stdout)).toMatchObject({ checked: 2, bad: [{ reason: 'changed' }], repaired: 0 });
    const repaired = await fetching.cacheCommand('verify', '--repair');
    expect(repaired).toMatchObject({ code: 0, stdout: expect.stringContaining('1 bad, 1 put aside\n') });
    expect((await fetching.run(`${url}/corpus`)).stderr).toContain('fetched 8 B');
  });

  it('tells of a content that is gone [K22]', async () => {
    const { fetching, url, corpus } = await filled();
    rmSync(corpus);
    expect(await fetching.cacheCommand('verify')).toMatchObject({
      code: 1,
      stdout: expect.stringContaining(`${url}/corpus: its content is missing\n`),
    });
  });
});

describe('cache prune', () => {
  it('removes what was not used for so long, and with --dry-run only tells it [K33]', async () => {
    const { fetching, url, corpus } = await filled();
    age(fetching, corpus);
    const told = await fetching.cacheCommand('prune', '--max-age', '12h', '--dry-run');
    expect(told).toMatchObject({
      code: 0,
      stdout: 'would remove 1 entry, 1 file, 0 unfinished fetches: 8 B\n',
    });
    expect(existsSync(corpus)).toBe(true);
    const json = await fetching.cacheCommand('prune', '--max-age', '12h', '--dry-run', '--json');
    expect(JSON.parse(json.stdout)).toEqual({
      dryRun: true,
      entries: 1,
      contents: 1,
      partials: 0,
      leftovers: 0,
      bytes: 8,
      failed: [],
    });
    expect((await fetching.cacheCommand('prune', '--max-bytes', '1kB')).stdout).toBe('nothing to remove\n');
    expect((await fetching.cacheCommand('prune', '--max-bytes', '5')).stdout).toMatch(
      /^removed 1 entry, 1 file/,
    );
    expect(existsSync(corpus)).toBe(false);
    expect((await fetching.cacheCommand('path', `${url}/words`)).code).toBe(0);
  });

  it.each(['{torn', ''])(
    'counts a damaged record %j, and tells the same of it before and after [K33]',
    async (text) => {
      const { fetching, corpus } = await filled();
      const name = readdirSync(join(fetching.cache, 'entries')).find((each) => each.includes('corpus'));
      const record = join(fetching.cache, 'entries', name as string);
      writeFileSync(record, text);
      const told = `remove 0 entries, 0 files, 0 unfinished fetches, 1 leftover: ${text.length} B\n`;
      const { stdout: before } = await fetching.cacheCommand('prune', '--dry-run');
      expect(before).toBe(`would ${told}`);
      expect(existsSync(record)).toBe(true);
      const { stdout: after } = await fetching.cacheCommand('prune');
      expect(after).toBe(`${told.replace('remove', 'removed')}`);
      expect([existsSync(record), existsSync(corpus)]).toEqual([false, true]);
    },
  );

  it('removes the rest where a file cannot be removed, names it, and exits with 1 [K33]', async () => {
    const { fetching, corpus } = await filled();
    age(fetching, corpus);
    tool('chattr', ['+i', corpus]);
    onTestFinished(() => void tool('chattr', ['-i', corpus]));
    expect(await fetching.cacheCommand('prune', '--max-age', '12h')).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/^removed 1 entry, 0 files/),
      stderr: expect.stringContaining(`${corpus} could not be removed: EPERM\n`),
    });
  });

  it('removes no entry beside a record that it cannot read, names that and why, and exits with 1 [K26, K33]', async () => {
    const { fetching, corpus } = await filled();
    age(fetching, corpus);
    const record = join(fetching.cache, 'entries', 'other.json');
    writeFileSync(record, '{"format":2}');
    const told = `${record} could not be read: format 2\n`;
    const why = 'no entry was removed, since what cannot be read may need any content\n';
    for (const flags of [[], ['--dry-run']]) {
      expect(await fetching.cacheCommand('prune', '--max-age', '12h', ...flags)).toMatchObject({
        code: 1,
        stdout: 'nothing to remove\n',
        stderr: `holdfast: ${told}holdfast: ${why}`,
      });
    }
    const json = await fetching.cacheCommand('prune', '--json');
    const failed = [{ path: record, reason: 'format 2', could: 'not be read' }];
    expect([json.code, JSON.parse(json.stdout)]).toEqual([
      1,
      { dryRun: false, entries: 0, contents: 0, partials: 0, leftovers: 0, bytes: 0, failed },
    ]);
    expect(existsSync(corpus)).toBe(true);
  });
});

describe('cache rm', () => {
  it('removes entries, and exits with 1 when one was not there', async () => {
    const { fetching, url } = await filled();
    const removed = await fetching.cacheCommand('rm', `${url}/corpus`, `${url}/none`);
    expect(removed).toMatchObject({ code: 1, stdout: `removed ${url}/corpus\n` });
    expect(removed.stderr).toBe(`holdfast: ${url}/none is not in the cache ${fetching.cache}\n`);
    const json = await fetching.cacheCommand('rm', '--json', `${url}/words`);
    expect([json.code, JSON.parse(json.stdout)]).toEqual([0, { key: `${url}/words`, removed: true }]);
    expect((await fetching.cacheCommand('ls')).stderr).toContain('nothing is cached');
  });
});

describe('a secret', () => {
  const SECRET = 's3cretW0rd';

  it('of an address is in no file and no output of a command about it [K13]', async () => {
    const fetching = new Fetching();
    const { port } = await bodies({ '/words': 'words' });
    const address = `http://usr:${SECRET}@127.0.0.1:${port}/words?sig=${SECRET}`;
    await fetching.run(address);
    const endings = [];
    for (const command of ['path', 'verify', 'rm', 'rm']) {
      endings.push(await fetching.cacheCommand(command, address));
    }
    expect(endings.map(({ code }) => code)).toEqual([0, 125, 0, 1]);
    expect(fetching.everything).toContain(`cache rm http://127.0.0.1:${port}/words?`);
    expect(JSON.stringify([endings, fetching.everything])).not.toContain(SECRET);
  });
});

it.each([
  [['nonsense'], "unknown command 'nonsense'"],
  [['path'], "missing required argument 'key'"],
  [['path', ''], 'KEY must not be empty'],
  [['rm'], "missing required argument 'keys'"],
  [['prune', '--max-bytes', 'much'], '--max-bytes must be a size such as 500MB, 1.5GB or 64MiB, got "much"'],
  [['prune', '--max-age', '7'], '"7"; for seconds, write 7s'],
  [['ls', '--cache', ''], '--cache needs a value'],
  [['ls', '--cache', '/etc/passwd'], 'The cache directory /etc/passwd is no directory'],
])('cache %j is refused with 125 and says why', async (args, problem) => {
  const { code, stdout, stderr } = await new Fetching().cacheCommand(...args);
  expect({ code, stdout }).toEqual({ code: 125, stdout: '' });
  expect(stderr).toMatch(/^holdfast: .*\n$/);
  expect(stderr).toContain(problem);
});
