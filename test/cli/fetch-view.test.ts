import { describe, expect, it, onTestFinished } from 'vitest';
import { addressOf, keyOfWord, recordableWords } from '../../src/cli/fetch/address.ts';
import { fileNameFor } from '../../src/cli/fetch/file-name.ts';
import { Lines } from '../../src/cli/fetch/lines.ts';
import { Meter, percentOf } from '../../src/cli/fetch/meter.ts';
import { Milestones } from '../../src/cli/fetch/milestones.ts';
import type { Task } from '../../src/cli/fetch/task.ts';
import { parseBytes } from '../../src/cli/output/bytes.ts';
import { bytes } from '../../src/errors/describe.ts';
import { intercept } from '../engine/portable/intercept.ts';

describe('a percentage', () => {
  it.each([
    [0, 100, 0],
    [999, 1000, 99],
    [1000, 1000, 100],
    [2000, 1000, 100],
    [5, undefined, undefined],
    [0, 0, undefined],
  ])(
    'of %s of %s is %s: rounded down, never above 100, and none without a total [K32]',
    (done, total, percent) => {
      expect(percentOf(done, total)).toBe(percent);
    },
  );
});

describe('a rate', () => {
  it('is that of the last seconds, and counts nothing of what was there before [K32]', () => {
    const meter = new Meter();
    for (let second = 0; second <= 20; second++) {
      meter.update(1_000_000 + second * (second < 10 ? 10 : 100), 2_000_000, second * 1000);
    }
    expect(meter.rate(20_000)).toBeCloseTo(100);
    expect(meter.left(20_000)).toBeCloseTo(((2_000_000 - 1_002_000) * 1000) / 100);
  });

  it('falls while nothing comes, and is none before there is enough to tell [K32]', () => {
    const meter = new Meter();
    meter.update(0, 100, 0);
    meter.update(50, 100, 400);
    expect(meter.rate(400)).toBeUndefined();
    expect(meter.rate(1000)).toBe(50);
    expect(meter.rate(2000)).toBe(25);
  });

  it('forgets what was measured when it starts over [K32]', () => {
    const meter = new Meter();
    meter.update(0, 100, 0);
    meter.update(80, 100, 1000);
    meter.update(0, 100, 2000);
    expect([meter.percent, meter.rate(2000)]).toEqual([0, undefined]);
    meter.update(10, 100, 3000);
    expect([meter.percent, meter.rate(3000)]).toEqual([10, 10]);
  });
});

it('a log gets a line every tenth, every ten seconds, and when it went back [K32]', () => {
  const milestones = new Milestones(0);
  const next = (done: number, percent: number | undefined, now: number) =>
    milestones.next(done, percent, now);
  expect(next(9, 9, 100)).toBeUndefined();
  expect(next(10, 10, 200)).toBe('on');
  expect(next(19, 19, 300)).toBeUndefined();
  expect(next(42, 42, 400)).toBe('on');
  expect(next(42, 42, 10_399)).toBeUndefined();
  expect(next(42, 42, 10_400)).toBe('on');
  expect(next(5, 5, 10_500)).toBe('back');
  expect(next(10, 10, 10_600)).toBe('on');
  expect(next(2_000_000, undefined, 10_700)).toBeUndefined();
  expect(next(2_000_000, undefined, 20_600)).toBe('on');
});

describe('a file name', () => {
  const url = new URL('https://host.example/data/corpus%20one.tar.gz?token=secret');

  it.each([
    ['attachment; filename="report.csv"', 'report.csv'],
    ["attachment; filename*=UTF-8''%e2%82%ac%20rates.csv", '€ rates.csv'],
    ['attachment; filename="../../etc/passwd"', 'passwd'],
    ['attachment; filename="C:\\\\Windows\\\\evil.exe"', 'evil.exe'],
    ['attachment; filename=".bashrc"', '_bashrc'],
    ['attachment; filename="-rf"', '_rf'],
    ['attachment; filename="NUL.txt"', '_NUL.txt'],
    ['attachment; filename="a\u0007b<c>.txt. "', 'a_b_c_.txt'],
    ['attachment; filename="..."', 'corpus one.tar.gz'],
    ['attachment; filename=""', 'corpus one.tar.gz'],
    ['attachment', 'corpus one.tar.gz'],
    ['attachment; filename="broken', 'corpus one.tar.gz'],
    [undefined, 'corpus one.tar.gz'],
  ])('of %j is %s: safe in any directory', async (disposition, name) => {
    expect(await fileNameFor(url, disposition)).toBe(name);
  });

  it.each([
    ['https://host.example/', 'download'],
    ['https://host.example/a/..%2f..%2fetc%2fpasswd', 'passwd'],
    ['https://host.example/%ff', '%ff'],
    ['https://host.example/a%00b', 'a_b'],
  ])('of %s, without one of the server, is %s', async (address, name) => {
    expect(await fileNameFor(new URL(address), undefined)).toBe(name);
  });

  it('takes no longer for an address that is as long as a key can be [K24]', async () => {
    for (const long of ['a'.repeat(90_000), `${'.'.repeat(90_000)}a`, `a${' '.repeat(90_000)}a`]) {
      const name = await fileNameFor(new URL(`https://host.example/${long}.tar.gz`), undefined);
      expect(name).toMatch(/^[a_.%\d ]{150,193}\.tar\.gz$/);
    }
  });

  it('is short enough for every file system, and keeps its extension', async () => {
    const name = await fileNameFor(new URL(`https://host.example/${'é'.repeat(300)}.tar.gz`), undefined);
    expect(Buffer.byteLength(name)).toBeLessThanOrEqual(200);
    expect(name).toMatch(/^é+\.tar\.gz$/);
  });
});

describe('what is kept of an address', () => {
  const secrets = 'https://user:pw@host.example/a.tar?sig=s3cret#part';

  it('has neither user nor query, and differs where the query does [K13]', () => {
    const { key, shown } = addressOf(secrets);
    expect(shown).toBe('https://host.example/a.tar?…');
    expect(key).toMatch(/^https:\/\/host\.example\/a\.tar\?…#[0-9a-f]{16}$/);
    expect(addressOf('https://host.example/a.tar?sig=other').key).not.toBe(key);
    expect(addressOf('https://host.example/a.tar?sig=s3cret').key).toBe(key);
    expect(addressOf('HTTPS://HOST.example:443/a.tar').key).toBe('https://host.example/a.tar');
  });

  it('is found by the address, by its key, and any other key by itself', () => {
    const { key } = addressOf(secrets);
    expect([keyOfWord(secrets), keyOfWord(key), keyOfWord('corpus?2026')]).toEqual([key, key, 'corpus?2026']);
  });

  it.each([
    'http:/user:s3cret@host.example/a.tar?sig=s3cret',
    'http:user:s3cret@host.example/a.tar?sig=s3cret',
    'http:\\\\user:s3cret@host.example\\a.tar?sig=s3cret',
    ' HTTP://user:s3cret@HOST.example/a.tar?sig=s3cret\t',
    'ht\ntp://user:s3cret@host.example:80/a.tar?sig=s3cret#…#0123456789abcdef',
  ])('is the same of %j, which is fetched as an address [K13]', (word) => {
    expect(keyOfWord(word)).toBe(addressOf('http://host.example/a.tar?sig=s3cret').key);
    expect(recordableWords([word, `--key=${word}`])).toEqual([
      'http://host.example/a.tar?…',
      '--key=http://host.example/a.tar?…',
    ]);
  });

  it.each([
    'http://u:Z/s3cret@host/x',
    'https://u:s3cret%40host/x',
    ' http:\\\\u:x\\s3cret@host',
    'http://?s3cret',
  ])('is nothing of %j, which is no key either, and of which only the scheme is told [K13]', (word) => {
    const refused = expect.objectContaining({ message: expect.not.stringContaining('s3cret') });
    expect(() => keyOfWord(word)).toThrow(refused);
    expect(() => addressOf(word)).toThrow(refused);
    expect(recordableWords([word]).join()).not.toContain('s3cret');
  });

  it.each([
    'ftp://u:s3cret@host/x?s3cret',
    'ftp://u:?s3cret@host/x',
    'u:s3cret@host.example/x?s3cret',
    'u:/s3cret@host.example',
    '//u:s3cret@x',
    '?s3cret',
    '',
  ])('is nothing of %j, whose refusal tells no secret [K13]', (word) => {
    let message = '';
    try {
      addressOf(word);
    } catch (error) {
      message = (error as Error).message;
    }
    expect(message).toMatch(/^URL must be /);
    expect(message).not.toContain('s3cret');
  });

  it('leaves no secret in the command line that others can read [K13]', () => {
    const words = [
      'fetch',
      secrets,
      '-H',
      'X: s3cret',
      '--header',
      'Y:s3cret',
      '--header=Z: s3cret',
      '-HA: s3cret',
      ...['-qH', 'B: s3cret', '-qHC: s3cret', 'u:s3cret@h', 'sftp:/u:s3cret@h'],
    ];
    expect(recordableWords([...words, '--to', 'x/', 'ftp://u:s3cret@h/'])).toEqual([
      'fetch',
      'https://host.example/a.tar?…',
      ...['-H', 'X: …', '--header', 'Y: …', '--header=Z: …', '-HA: …'],
      ...['-qH', 'B: …', '-qHC: …', 'u:…', 'sftp:…', '--to', 'x/', 'ftp:…'],
    ]);
  });
});

describe('a size', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.0 kB'],
    [999_999, '999.9 kB'],
    [29_400_000, '29.4 MB'],
    [2_000_000_000_000, '2.0 TB'],
  ])('of %d bytes is shown as %s', (count, text) => {
    expect(bytes(count)).toBe(text);
  });

  it.each([
    ['0', 0],
    ['1024', 1024],
    ['500MB', 500_000_000],
    ['1.5 GB', 1_500_000_000],
    ['64MiB', 64 * 1024 ** 2],
    ['2g', 2_000_000_000],
  ])('is read from %s', (word, count) => {
    expect(parseBytes('--max-bytes', word)).toBe(count);
  });

  it.each(['', '-1', 'MB', '5iB', '5 apples', '1e9'])('is not read from %j', (word) => {
    expect(() => parseBytes('--max-bytes', word)).toThrow(/^--max-bytes must be a size such as/);
  });
});

it('a log does not say of one that waited that it starts over, before it begins [K32]', () => {
  const told: string[] = [];
  const see = (original: (...args: unknown[]) => number, fd: unknown, data: unknown, rest: unknown[]) =>
    fd === 2 ? told.push(String(data)) && String(data).length : original(fd, data, ...rest);
  intercept(
    'writeSync',
    (original) =>
      ((fd: unknown, data: unknown, ...rest: unknown[]) =>
        see(original as (...args: unknown[]) => number, fd, data, rest)) as typeof original,
  );
  const lines = new Lines({});
  onTestFinished(() => lines.close());
  const job = { shown: 'http://h/corpus' };
  const waiting = {
    name: 'corpus',
    job,
    wait: 'waiting for pid 1, 42 %',
    isWaiting: true,
    percent: 42,
    pace: [],
  };
  const task = { ...waiting, extent: { done: 42, total: 100 } } as unknown as Task;
  lines.waits(task);
  Object.defineProperties(task, {
    isWaiting: { value: false },
    percent: { value: undefined },
    extent: { value: undefined },
  });
  lines.moved(task);
  lines.begun(task);
  expect(told).toEqual(['holdfast: corpus: waiting for pid 1, 42 %\n', 'holdfast: corpus: fetching\n']);
});
