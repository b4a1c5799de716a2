import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { head, scriptedServer } from '../support/scripted-server.ts';
import { main } from './cli.ts';
import { bodies, Fetching, Gate, server } from './fetching.ts';

const INTEGRITY = 'sha256-26Nr/6XKsPki0IejrrF5+dTnRd9AsyPhsUcUAoSMij4='; // of "words"
const OTHER = 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=';

describe('fetch', () => {
  it('prints the path alone on standard output, and what is there already is not fetched again [G3]', async () => {
    const fetching = new Fetching();
    const { url, requests } = await bodies({ '/words': 'words' });
    const first = await fetching.run(`${url}/words`);
    expect(first).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\/.*\n$/) });
    expect(first.stderr).toMatch(
      /^holdfast: \S+\/words: fetching\nholdfast: \S+\/words: fetched 5 B in .*\n$/,
    );
    expect(readFileSync(first.stdout.trimEnd(), 'utf8')).toBe('words');
    expect(await fetching.run(`${url}/words`)).toMatchObject({ code: 0, stdout: first.stdout, stderr: '' });
    expect(requests).toHaveLength(1);
  });

  it('exits with 1 when one of several fails, and prints the others in their order', async () => {
    const fetching = new Fetching();
    const { url } = await bodies({ '/a': 'of a', '/b': 'of b' });
    const { code, stdout, stderr } = await fetching.run(`${url}/b`, `${url}/missing`, `${url}/a`, `${url}/b`);
    expect(code).toBe(1);
    expect(
      stdout
        .trimEnd()
        .split('\n')
        .map((path) => readFileSync(path, 'utf8')),
    ).toEqual(['of b', 'of a', 'of b']);
    expect(stderr).toMatch(
      /holdfast: \S+\/missing was not downloaded: the server answered 404 .*\. Check the address\.\n/,
    );
  });

  it.each([
    { how: 'in words', args: [] },
    { how: 'as JSON', args: ['--json'] },
  ])('takes a file without bytes only with --allow-empty, and says so $how', async ({ args }) => {
    const fetching = new Fetching();
    const { url } = await bodies({ '/empty': '' });
    const refused = await fetching.run(...args, `${url}/empty`);
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toContain(
      '/empty is empty. Nothing was published. If it should be empty, pass --allow-empty.',
    );
    expect(refused.stderr).not.toContain('allowEmpty');
    const { code, stdout } = await fetching.run('--allow-empty', `${url}/empty`);
    expect(code).toBe(0);
    expect(readFileSync(stdout.trimEnd(), 'utf8')).toBe('');
  });

  it('tells all that with --json, one object a line', async () => {
    const fetching = new Fetching();
    const { url } = await bodies({ '/a': 'words' });
    const { code, stdout, stderr } = await fetching.run('--json', `${url}/a`, `${url}/missing`);
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      ...{ url: `${url}/a`, key: `${url}/a`, size: 5, integrity: INTEGRITY, fromCache: false, joined: false },
      path: expect.stringMatching(/^\//),
    });
    const told = stderr
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(
      told
        .filter(({ event }) => event === 'progress')
        .map((each) => each.url)
        .sort(),
    ).toEqual([`${url}/a`, `${url}/missing`].sort());
    expect(told.filter(({ error }) => error !== undefined)).toMatchObject([
      {
        error: { code: 'HOLDFAST_DOWNLOAD', exitCode: 1, url: `${url}/missing`, resource: `${url}/missing` },
      },
    ]);
  });

  it('fetches by the policy: never, always, and by age [G1, G2]', async () => {
    const fetching = new Fetching();
    const { url, requests } = await bodies({ '/words': 'words' });
    const never = await fetching.run('--policy', 'never', `${url}/words`);
    expect(never).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining('is not in the cache'),
    });
    expect(requests).toHaveLength(0);
    for (const [args, count] of [
      [['--policy', 'always'], 1],
      [['--max-age', '1d'], 1],
      [['--policy', 'never'], 1],
      [['--max-age', '0'], 2],
      [['--policy', 'always'], 3],
    ] as const) {
      expect((await fetching.run(...args, `${url}/words`)).code).toBe(0);
      expect(requests).toHaveLength(count);
    }
  });

  it('sends headers, refuses other bytes than those of an integrity, and keeps under a key', async () => {
    const fetching = new Fetching();
    const { url, requests } = await bodies({ '/words': 'words' });
    const wrong = await fetching.run('--integrity', OTHER, `${url}/words`);
    expect(wrong).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining(`expected ${OTHER}`),
    });
    const right = await fetching.run(
      '--integrity',
      INTEGRITY,
      '-H',
      'X-One: 1',
      '-H',
      'X-Two:2',
      '-H',
      'Cookie: a=1',
      '-H',
      'cookie: b=2',
      '-H',
      'x-one: 3',
      '--key',
      'k',
      `${url}/words`,
    );
    expect(right.code).toBe(0);
    expect(requests.at(-1)?.headers).toMatchObject({
      'x-one': '1, 3',
      'x-two': '2',
      cookie: 'a=1; b=2',
    });
    expect((await fetching.cacheCommand('path', 'k')).stdout).toBe(right.stdout);
  });

  it('ends with 124 when the fetch it waits for takes longer than --timeout', async () => {
    const fetching = new Fetching();
    const { url } = await server();
    const first = fetching.start(url);
    await first.says(/4\d %/, 'stderr');
    for (const timeout of ['0', '10ms']) {
      const late = await fetching.run('--timeout', timeout, url);
      expect(late).toMatchObject({ code: 124, stdout: '' });
      expect(late.stderr).toMatch(new RegExp(`is held by .*\\(pid ${first.pid},`));
    }
  });

  it.each([
    [['words'], 'URL must be an absolute address such as https://host.example/file, got "words"'],
    [['host.example/words'], 'put https:// before it'],
    [['file:///etc/passwd'], 'URL must be an address of http or https'],
    [['--to', 'file', 'http://h/a', 'http://h/b'], '--to must be a directory for several URLs: write file/'],
    [['--key', 'k', 'http://h/a', 'http://h/b'], '--key is for one URL'],
    [['--integrity', OTHER, 'http://h/a', 'http://h/b'], '--integrity is for one URL'],
    [['--integrity', 'sha256-x', 'http://h/a'], 'integrity has "sha256-x"'],
    [['--policy', 'sometimes', 'http://h/a'], 'Allowed choices are never, if-missing, always'],
    [['--policy', 'always', '--max-age', '1d', 'http://h/a'], "'--max-age <duration>' cannot be used with"],
    [['--max-age', '1', 'http://h/a'], '"1"; for seconds, write 1s'],
    [['-H', 'secret', 'http://h/a'], '-H, --header must be a name, a colon and a value'],
    [
      ['-H', 'Authorization: a', '-H', 'authorization: b', 'http://h/a'],
      '-H, --header gives authorization more than once',
    ],
    [['-j', '0', 'http://h/a'], '--jobs must be a whole number above 0'],
    [['--system', 'http://h/a'], "unknown option '--system'"],
    [[], "missing required argument 'urls'"],
  ])('refuses %j with 125, and makes nothing', async (args, problem) => {
    const fetching = new Fetching();
    const { code, stdout, stderr } = await fetching.run(...args);
    expect({ code, stdout }).toEqual({ code: 125, stdout: '' });
    expect(stderr).toMatch(/^holdfast: .*\n$/);
    expect(stderr).toContain(problem);
    expect(existsSync(fetching.cache)).toBe(false);
  });

  it('refuses the places of other locks, and a cache directory that cannot be one', async () => {
    const fetching = new Fetching();
    const { cli } = fetching;
    const system = await cli.run(['--system', 'fetch', 'http://h/a']);
    expect(system).toMatchObject({
      code: 125,
      stderr: expect.stringContaining('--system has no effect on fetch'),
    });
    const noDirectory = await fetching.run('--cache', '/etc/passwd', 'http://h/a');
    expect(noDirectory).toMatchObject({
      code: 125,
      stderr:
        'holdfast: The cache directory /etc/passwd is no directory: use another one (--cache, or HOLDFAST_CACHE).\n',
    });
    cli.env.HOLDFAST_CACHE = 'here';
    expect(await fetching.run('http://h/a')).toMatchObject({
      code: 125,
      stderr: expect.stringContaining('HOLDFAST_CACHE must be an absolute path, got "here"'),
    });
  });

  it('keeps what it fetches in holdfast in XDG_CACHE_HOME, or in ~/.cache', async () => {
    const { cli, ...fetching } = new Fetching();
    const { url } = await bodies({ '/words': 'words' });
    const HOME = join(cli.home, 'user');
    const paths = [
      [{ HOLDFAST_CACHE: '', XDG_CACHE_HOME: join(cli.home, 'x') }, join(cli.home, 'x/holdfast/')],
      [{ HOLDFAST_CACHE: undefined, XDG_CACHE_HOME: undefined, HOME }, join(HOME, '.cache/holdfast/')],
    ] as const;
    for (const [env, directory] of paths) {
      const { code, stdout } = await cli.run(['fetch', `${url}/words`], { env });
      expect(code).toBe(0);
      expect(stdout.startsWith(directory)).toBe(true);
    }
    expect(existsSync(fetching.cache)).toBe(false);
  });
});

describe('--to', () => {
  it('has a file at the path, or in a directory under the name that the server gives, also for a hit [G5, G6]', async () => {
    const fetching = new Fetching();
    const { url } = await bodies(
      { '/a': 'words' },
      { 'Content-Disposition': 'attachment; filename="../../.evil"' },
    );
    const out = join(fetching.cli.home, 'out');
    const inDirectory = await fetching.run('--to', `${out}/`, `${url}/a`);
    expect(inDirectory).toMatchObject({ code: 0, stdout: `${join(out, '_evil')}\n` });
    const hit = await fetching.run('--to', out, `${url}/a`);
    expect(hit).toMatchObject({ code: 0, stdout: `${join(out, '_evil')}\n`, stderr: '' });
    const asFile = await fetching.run('--to', join(out, 'deep/words.txt'), `${url}/a`);
    expect(asFile.stdout).toBe(`${join(out, 'deep/words.txt')}\n`);
    expect(readFileSync(join(out, 'deep/words.txt'), 'utf8')).toBe('words');
    expect(readdirSync(out).sort()).toEqual(['_evil', 'deep']);
  });

  it('in a directory replaces what was fetched before, and no other file, whatever name the server gives [G5, K23]', async () => {
    const fetching = new Fetching();
    const texts = { '/a': 'words' };
    const headers = { 'Content-Disposition': 'attachment; filename="Makefile"' };
    const { url } = await bodies(texts, headers);
    const out = join(fetching.cli.home, 'out');
    const file = join(out, 'Makefile');
    mkdirSync(out);
    writeFileSync(file, 'precious');
    const refused = await fetching.run('--to', out, `${url}/a`);
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toContain(
      `${file}, where there is something that was not fetched, or was changed since`,
    );
    expect(readFileSync(file, 'utf8')).toBe('precious');
    rmSync(file);
    symlinkSync('elsewhere', file);
    expect(await fetching.run('--to', out, `${url}/a`)).toMatchObject({ code: 1, stdout: '' });
    expect(readlinkSync(file)).toBe('elsewhere');
    rmSync(file);
    expect(await fetching.run('--to', out, `${url}/a`)).toMatchObject({ code: 0 });
    texts['/a'] = 'newer words';
    expect(await fetching.run('--to', out, '--policy', 'always', `${url}/a`)).toMatchObject({ code: 0 });
    expect(readFileSync(file, 'utf8')).toBe('newer words');
  });

  it('puts several files into a directory, and never two of one name', async () => {
    const fetching = new Fetching();
    const { url } = await bodies({ '/a/x.txt': 'first', '/b/x.txt': 'second', '/b/y%20z': 'third' });
    const out = join(fetching.cli.home, 'out');
    const args = ['--jobs', '1', '--to', `${out}/`, `${url}/a/x.txt`, `${url}/b/x.txt`, `${url}/b/y%20z`];
    const { code, stdout, stderr } = await fetching.run(...args);
    expect(code).toBe(1);
    expect(stdout).toBe(`${join(out, 'x.txt')}\n${join(out, 'y z')}\n`);
    expect(stderr).toContain(
      `/b/x.txt: is in the cache, but not at ${join(out, 'x.txt')}, where ${url}/a/x.txt is`,
    );
    expect(readFileSync(join(out, 'x.txt'), 'utf8')).toBe('first');
  });

  it('replaces no directory', async () => {
    const fetching = new Fetching();
    const { url } = await bodies({ '/a': 'words' });
    mkdirSync(join(fetching.cli.home, 'out/a'), { recursive: true });
    const { code, stdout, stderr } = await fetching.run('--to', join(fetching.cli.home, 'out'), `${url}/a`);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain('out/a');
    expect(statSync(join(fetching.cli.home, 'out/a')).isDirectory()).toBe(true);
  });
});

describe('a secret', () => {
  const SECRET = 's3cretW0rd';

  it('of an address or a header is in no file, no output and no file name, whatever comes of it [K13]', async () => {
    const fetching = new Fetching();
    const gate = new Gate();
    const { port, requests } = await scriptedServer(({ target }) =>
      target.startsWith('/missing')
        ? [head(404, { 'Content-Length': 0 })]
        : [head(200, { 'Content-Length': 5, ETag: '"1"' }), 'wo', gate.promise, 'rds'],
    );
    const at = (path: string) => `http://user:${SECRET}@127.0.0.1:${port}${path}?token=${SECRET}#${SECRET}`;
    const headers = ['-H', `X-Api-Key: ${SECRET}`, `--header=Cookie: ${SECRET}`];
    const first = fetching.start(...headers, '--json', at('/words'), at('/missing'));
    await first.says(/"done":2/, 'stderr');
    const second = fetching.start(...headers, at('/words'));
    await second.says(/waiting for pid/, 'stderr');
    const late = await fetching.run(...headers, '--timeout', '0', at('/words'));
    const seen = fetching.everything;
    gate.open();
    const endings = [await first.exits(), await second.exits(), late];
    const listed = await fetching.cacheCommand('ls', '--json');
    const log = await fetching.cli.run(['log', '-n', '100']);

    expect(endings.map(({ code }) => code)).toEqual([1, 0, 124]);
    expect(requests.map((request) => request.headers['x-api-key'])).toContain(SECRET);
    expect(requests.map((request) => request.headers.authorization)).toContain(
      `Basic ${Buffer.from(`user:${SECRET}`).toString('base64')}`,
    );
    const all = [seen, fetching.everything, listed, log, ...endings]
      .map((each) => JSON.stringify(each))
      .join('\n');
    expect(all).toContain('/words?…');
    for (const each of [SECRET, Buffer.from(`user:${SECRET}`).toString('base64')])
      expect(all).not.toContain(each);
    expect((await fetching.cacheCommand('path', at('/words'))).stdout).toBe(endings[1]?.stdout);
  });
});

it('a run loads nothing of fetching, of the cache, or of undici', async () => {
  const { cli } = new Fetching();
  const opened = async (...args: string[]) => {
    const trace = ['-f', '-qq', '-e', 'trace=openat', process.execPath, main, ...args];
    const { stderr } = await cli.program('strace', trace).exits();
    return [...stderr.matchAll(/openat\([^"]*"([^"]+)"[^\n]*\) = \d+/g)].map(([, path]) => path as string);
  };
  const own = (paths: readonly string[]) =>
    paths.filter((path) => path.includes('/dist/') && path.endsWith('.js'));
  const withCache = (paths: readonly string[]) =>
    own(paths).filter((path) => readFileSync(path, 'utf8').includes('openCache'));

  const ofRun = await opened('run', 'x', '--', 'true');
  expect(own(ofRun).length).toBeGreaterThan(1);
  expect(withCache(ofRun)).toEqual([]);
  expect(ofRun.filter((path) => /undici|content-disposition/.test(path))).toEqual([]);
  expect(withCache(await opened('cache', 'ls')).length).toBeGreaterThan(0);
});
