import {
  chmodSync,
  chownSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { once } from 'holdfast/once';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { placeOf } from '../../src/once/scope.ts';
import { fill, smallDisk } from '../support/disk.ts';
import { newHome } from '../support/place.ts';
import { makeFifo } from '../support/tool.ts';
import { Work } from './work.ts';

/** A key with a success, and where its record is. */
async function recorded(value: unknown = { answer: 42 }): Promise<{ file: string; directory: string }> {
  newHome();
  await once('build', () => value);
  const { records: directory } = placeOf('build');
  return { file: join(directory, 'success'), directory };
}

/** Whether the record still counts. */
async function counts(): Promise<boolean> {
  const work = vi.fn(() => ({ answer: 43 }));
  const value = (await once('build', work)) as { answer: number };
  expect(value.answer).toBe(work.mock.calls.length === 0 ? 42 : 43);
  return work.mock.calls.length === 0;
}

describe('a record', () => {
  it('is readable by people, and by its user alone [A11, R68]', async () => {
    const { file, directory } = await recorded();
    const [magic, header, body] = readFileSync(file, 'utf8').split('\n') as [string, string, string];
    expect(magic).toBe('holdfast once 1');
    expect(JSON.parse(header)).toMatchObject({ key: 'build', run: 1, by: { pid: process.pid } });
    expect(JSON.parse(body)).toEqual({ answer: 42 });
    expect([file, directory].map((path) => statSync(path).mode & 0o777)).toEqual([0o600, 0o700]);
  });

  it('that is cut anywhere is none [A1, H15]', async () => {
    const { file } = await recorded();
    const whole = readFileSync(file);
    for (let length = 0; length < whole.length; length += length < 40 ? 1 : 23) {
      writeFileSync(file, whole.subarray(0, length));
      expect(await counts(), `cut at ${length}`).toBe(false);
    }
    writeFileSync(file, whole);
    expect(await counts()).toBe(true);
  });

  it.each<[string, (whole: string) => string]>([
    ['a changed body', (whole) => whole.replace('{"answer":42}', '{"answer":41}')],
    ['a body that is longer', (whole) => `${whole} `],
    ['a header that is no object', () => 'holdfast once 1\nnull\n{}'],
    ['a header of another key', (whole) => whole.replace('"key":"build"', '"key":"other"')],
    ['an id that leads elsewhere', (whole) => whole.replace(/"id":"\w+"/, '"id":"../../x"')],
    ['a holder that is none', (whole) => whole.replace(/"user":"\w+"/, '"user":{}')],
    ['another version', (whole) => whole.replace('once 1', 'once 2')],
    ['an unknown kind', (whole) => whole.replace('"kind":"json"', '"kind":"code"')],
    ['a time that is none', (whole) => whole.replace(/"finished":"[^"]+"/, '"finished":"later"')],
    ['a negative time to live', (whole) => whole.replace('"ttl":null', '"ttl":-1')],
    ['another program’s file', () => '\u0000\u001b[2J'.repeat(1000)],
  ])('with %s is none [A1, H15]', async (_, change) => {
    const { file } = await recorded();
    const whole = readFileSync(file, 'utf8');
    writeFileSync(file, change(whole));
    expect(readFileSync(file, 'utf8')).not.toBe(whole);
    expect(await counts()).toBe(false);
  });

  it.each<[string, (file: string) => void]>([
    ['a link', (file) => symlinkSync('/etc/passwd', file)],
    ['a FIFO', makeFifo],
  ])('that is %s is none, is not waited for, and gives way to a result [A1, H18]', async (_, plant) => {
    const { file } = await recorded();
    rmSync(file);
    plant(file);
    expect(await counts()).toBe(false);
    expect(statSync(file).isFile()).toBe(true);
  });

  it('that is a directory keeps the work from being run for nothing, with an error that names it [A1, H18]', async () => {
    const { file, directory } = await recorded();
    rmSync(file);
    mkdirSync(file);
    const work = vi.fn();
    await expect(once('build', work)).rejects.toMatchObject({
      code: 'HOLDFAST_UNRECORDED',
      ran: false,
      message: expect.stringContaining(directory),
    });
    expect(work).not.toHaveBeenCalled();
  });

  it('of another user is none [A1, R65]', async () => {
    const { file } = await recorded();
    chownSync(file, 65_534, 65_534);
    expect(await counts()).toBe(false);
  });

  it('is not looked for in a directory that everybody can write [A1, H18]', async () => {
    const { file, directory } = await recorded();
    rmSync(file);
    chmodSync(directory, 0o777);
    await expect(once('build', () => 1)).rejects.toMatchObject({ code: 'HOLDFAST_UNRECORDED', ran: false });
  });

  it('that says what is under way is ignored when it is damaged [A1, H15]', async () => {
    const { file, directory } = await recorded();
    for (const text of ['', '{', 'null', '[]', '{"key":"build","run":"1"}', '\0'.repeat(9999)]) {
      writeFileSync(join(directory, 'current'), text);
      writeFileSync(join(directory, 'history'), text);
      rmSync(file);
      expect(await new Work().once(), text).toBe(1);
    }
  });
});

describe('on a full disk', () => {
  beforeEach(() => void newHome());

  it('nothing is run whose result could not be recorded [A1, H14]', async () => {
    const { disk } = smallDisk('size=64k');
    await once('other', () => 1, { directory: disk });
    fill(disk);
    const work = vi.fn();
    await expect(once('build', work, { directory: disk })).rejects.toMatchObject({
      code: 'HOLDFAST_UNRECORDED',
      ran: false,
      message: expect.stringContaining('ENOSPC'),
    });
    expect(work).not.toHaveBeenCalled();
    expect(await once('other', () => 2, { directory: disk })).toBe(1);
  });

  it('a result that does not fit any more is an error that has it, and the old one stays [A1, G4, H14]', async () => {
    const { disk } = smallDisk('size=64k');
    await once('build', () => 'old', { directory: disk });
    const big = { directory: disk, ttl: 0 };
    await expect(once('build', () => 'x'.repeat(100_000), big)).rejects.toMatchObject({
      code: 'HOLDFAST_UNRECORDED',
      ran: true,
      value: expect.stringMatching(/^x{100000}$/),
    });
    expect(await once('build', () => 'new', { directory: disk })).toBe('old');
  });
});
