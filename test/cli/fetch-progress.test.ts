import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { chunk, HANG_UP, head, scriptedServer } from '../support/scripted-server.ts';
import { BODY, Fetching, Gate, inParts, PART, SIZE, server } from './fetching.ts';

const HIDDEN = '\u001b[?25l';
const SHOWN = '\u001b[?25h';

function percentsIn(text: string): number[] {
  return [...text.matchAll(/(\d+) %/g)].map(([, percent]) => Number(percent));
}

/** The lines of a terminal, in the order in which they were drawn, without what moves and colours. */
function drawn(text: string): string[] {
  return stripVTControlCharacters(text)
    .split(/[\r\n]+/)
    .filter(Boolean);
}

describe('a pipe', () => {
  it('gets a line at the beginning, at every tenth, and at the end [K32]', async () => {
    const fetching = new Fetching();
    const { url, gate } = await server();
    const child = fetching.start(`${url}/corpus`);
    await child.says(/: 4[0-2] %, 4\d\d\.\d kB of 1\.0 MB/, 'stderr');
    gate.open();
    const { code, stderr } = await child.exits();
    expect(code).toBe(0);
    const lines = stderr.trimEnd().split('\n');
    expect(lines[0]).toBe(`holdfast: ${url}/corpus: fetching`);
    expect(lines.at(-1)).toMatch(/^holdfast: \S+\/corpus: fetched 1\.0 MB in \d/);
    const percents = percentsIn(stderr);
    expect(lines).toHaveLength(percents.length + 2);
    const tenths = percents.map((percent) => Math.floor(percent / 10));
    expect(tenths).toEqual([...new Set(tenths)].sort());
    expect(Math.max(...percents)).toBeLessThan(100);
    expect(stderr).not.toContain('\u001b');
  });

  it('is told when a download starts over, and from where it goes on, never above 100 % [K32]', async () => {
    const fetching = new Fetching();
    const { url, requests } = await scriptedServer([
      [head(200, { 'Content-Length': SIZE, ETag: '"1"' }), BODY.subarray(0, 730_000), HANG_UP],
      [head(200, { 'Content-Length': SIZE, ETag: '"2"' }), BODY],
    ]);
    const { code, stderr } = await fetching.run(url);
    expect([code, requests.length]).toEqual([0, 2]);
    const [before = '', after = ''] = stderr.split('starts over, ');
    expect(Math.max(...percentsIn(before))).toBeGreaterThanOrEqual(70);
    expect(percentsIn(after)[0]).toBeLessThan(70);
    expect(Math.max(...percentsIn(stderr))).toBeLessThanOrEqual(100);
  });

  it('gets no percentage where no total is known [K32]', async () => {
    const fetching = new Fetching();
    const { url } = await scriptedServer([
      [head(200, { 'Transfer-Encoding': 'chunked' }), chunk(BODY), chunk('')],
    ]);
    const { code, stderr } = await fetching.run(url);
    expect(code).toBe(0);
    expect(stderr).not.toContain('%');
    expect(stderr).toMatch(/fetched 1\.0 MB in/);
  });

  it('gets JSON with --json, of which no line is torn by another [K32]', async () => {
    const fetching = new Fetching();
    const { url, gate } = await server();
    gate.open();
    const { stderr } = await fetching.run('--json', `${url}/a`, `${url}/b`, `${url}/c`);
    const events = stderr
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    for (const name of ['a', 'b', 'c']) {
      const own = events.filter((event) => event.key === `${url}/${name}`);
      expect(own[0]).toEqual({ event: 'progress', url: `${url}/${name}`, key: `${url}/${name}`, done: 0 });
      expect(own.map(({ done }) => done)).toEqual(own.map(({ done }) => done).sort((a, b) => a - b));
      expect(own.at(-1).done).toBeLessThanOrEqual(SIZE);
    }
  });
});

describe('a terminal', () => {
  it('shows a bar for each address, and has its cursor back at the end [K32]', async () => {
    const fetching = new Fetching();
    const { url, gate } = await server();
    const child = fetching.onTerminal([`${url}/one.tar`, `${url}/two.tar`]);
    await child.says(/one\.tar [^\r]*42 %[^\r]*\r\n[^\r]*two\.tar [^\r]*42 %/);
    gate.open();
    const { code, stdout } = await child.exits();
    expect(code).toBe(0);
    const lines = drawn(stdout);
    expect(lines).toContainEqual(
      expect.stringMatching(/^one\.tar {2}█{8}░{12} {3}42 % {2}420\.0 kB of 1\.0 MB/),
    );
    expect(lines.filter((line) => /^\//.test(line))).toHaveLength(2);
    expect(lines).toContainEqual(expect.stringMatching(/^holdfast: \S+\/two\.tar: fetched 1\.0 MB in/));
    expect(Math.max(...percentsIn(stdout))).toBeLessThanOrEqual(100);
    expect(stdout.lastIndexOf(SHOWN)).toBeGreaterThan(stdout.lastIndexOf(HIDDEN));
  });

  it('shows no percentage without a total, and nothing at all for what is there [K32]', async () => {
    const fetching = new Fetching();
    const gate = new Gate();
    const { url } = await scriptedServer(() => [
      head(200, { 'Transfer-Encoding': 'chunked' }),
      chunk(BODY.subarray(0, PART)),
      gate.promise,
      chunk(BODY.subarray(PART)),
      chunk(''),
    ]);
    const child = fetching.onTerminal([`${url}/corpus`]);
    await child.says(/corpus {2}420\.0 kB/);
    gate.open();
    expect((await child.exits()).stdout).not.toContain('%');
    const hit = await fetching.onTerminal([`${url}/corpus`]).exits();
    expect(hit.stdout).toMatch(/^\/\S+\r\n$/);
  });
});

describe('who waits for another', () => {
  it('is told for whom, and how far that one is; both get one path from one request [K32, G2, G12, G18]', async () => {
    const fetching = new Fetching();
    const { url, gate, requests } = await server();
    const first = fetching.start(`${url}/corpus`);
    await first.says(/4\d %/, 'stderr');
    const inPipe = fetching.start(`${url}/corpus`);
    const always = fetching.start('--policy', 'always', '--json', `${url}/corpus`);
    const onTerminal = fetching.onTerminal([`${url}/corpus`]);
    await inPipe.says(new RegExp(`: waiting for pid ${first.pid}, \\d+ %`), 'stderr');
    await always.says(/"event":"waiting"/, 'stderr');
    await onTerminal.says(new RegExp(`corpus {2}waiting for pid ${first.pid}, \\d+ %`));
    gate.open();
    const [path = ''] = (await first.exits()).stdout.split('\n');
    const [piped, json, shown] = [await inPipe.exits(), await always.exits(), await onTerminal.exits()];
    expect([piped.code, json.code, shown.code]).toEqual([0, 0, 0]);
    expect(piped.stdout).toBe(`${path}\n`);
    expect(piped.stderr).toContain(`fetched by pid ${first.pid} meanwhile, 1.0 MB\n`);
    expect(JSON.parse(json.stdout)).toMatchObject({ path, joined: true });
    expect(JSON.parse(json.stderr.split('\n')[0] ?? '')).toMatchObject({
      event: 'waiting',
      total: SIZE,
      holders: [{ pid: first.pid }],
    });
    expect(shown.stdout).toContain(path);
    expect(requests).toHaveLength(1);
  });

  it('goes on where the other one was when that one is killed [K32, K5]', async () => {
    const fetching = new Fetching();
    const gate = new Gate();
    const { url, requests } = await scriptedServer((request) => inParts(request, gate));
    const first = fetching.start(url);
    await first.says(/4\d %/, 'stderr');
    const second = fetching.start(url);
    await second.says(/waiting for pid/, 'stderr');
    await first.kill('SIGKILL');
    await second.says(/: fetching/, 'stderr');
    gate.open();
    expect(await second.exits()).toMatchObject({ code: 0 });
    expect(requests).toHaveLength(2);
  });

  it('gets the failure of the other one, of whose requests alone the server hears [K16]', async () => {
    const fetching = new Fetching();
    const gate = new Gate();
    const { url, requests } = await scriptedServer(() => [gate.promise, head(404, { 'Content-Length': 0 })]);
    const first = fetching.start(url);
    await first.says(/: fetching/, 'stderr');
    const waiters = Array.from({ length: 4 }, () => fetching.start(url));
    for (const each of waiters) await each.says(/waiting for pid/, 'stderr');
    gate.open();
    const endings = await Promise.all([first, ...waiters].map((each) => each.exits()));
    expect(endings.map(({ code, stdout }) => [code, stdout])).toEqual(endings.map(() => [1, '']));
    for (const { stderr } of endings.slice(1))
      expect(stderr).toMatch(/which this call waited for, failed: .* 404 /);
    expect(requests).toHaveLength(1);
  });
});
