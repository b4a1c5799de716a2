import { chmodSync, chownSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { once } from 'holdfast/once';
import { describe, expect, it, vi } from 'vitest';
import { stateJson } from '../../src/cli/once/list.ts';
import { knownKeys } from '../../src/once/known.ts';
import { placeOf } from '../../src/once/scope.ts';
import { Store } from '../../src/once/store.ts';
import { newHome } from '../support/place.ts';
import { counts, recorded } from './recorded.ts';
import { currentRun } from './under-way.ts';
import { Work } from './work.ts';

describe('a record', () => {
  it('is readable by people, and by its user alone', async () => {
    const { file, directory } = await recorded();
    const [magic, header, body] = readFileSync(file, 'utf8').split('\n') as [string, string, string];
    expect(magic).toBe('holdfast once 1');
    expect(JSON.parse(header)).toMatchObject({ key: 'build', run: 1, by: { pid: process.pid } });
    expect(JSON.parse(body)).toEqual({ answer: 42 });
    expect([file, directory].map((path) => statSync(path).mode & 0o777)).toEqual([0o600, 0o700]);
  });

  it('that is cut anywhere is none [H15]', async () => {
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
    ['a time to live in words', (whole) => whole.replace('"ttl":null', '"ttl":"1h"')],
    ['another program’s file', () => '\u0000\u001b[2J'.repeat(1000)],
  ])('with %s is none [H15]', async (_, change) => {
    const { file } = await recorded();
    const whole = readFileSync(file, 'utf8');
    writeFileSync(file, change(whole));
    expect(readFileSync(file, 'utf8')).not.toBe(whole);
    expect(await counts()).toBe(false);
  });

  it.each(['1e17', '9007199254740991', '8.64e15', '1.7e308', '1e999'])(
    'with a time to live of %s is listed as one that counts for ever [H15]',
    async (ttl) => {
      const { file } = await recorded();
      writeFileSync(file, readFileSync(file, 'utf8').replace('"ttl":null', `"ttl":${ttl}`));
      const listed = knownKeys().keys.map(({ state }) => stateJson(state));
      expect(listed).toMatchObject([{ id: 'build', state: 'done', expires: null }]);
    },
  );

  it('that is a directory keeps the work from being run for nothing, with an error that names it [H18]', async () => {
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

  it('of another user is none', async () => {
    const { file } = await recorded();
    chownSync(file, 65_534, 65_534);
    expect(await counts()).toBe(false);
  });

  it('is not looked for in a directory that everybody can write [H18]', async () => {
    const { file, directory } = await recorded();
    rmSync(file);
    chmodSync(directory, 0o777);
    await expect(once('build', () => 1)).rejects.toMatchObject({ code: 'HOLDFAST_UNRECORDED', ran: false });
  });

  it('of a failure that was left beside a later success, as by a crash, answers nobody [H16, A14]', async () => {
    newHome();
    const broken = () => Promise.reject(new Error('broken'));
    await expect(once('build', broken, { failureTtl: Number.POSITIVE_INFINITY })).rejects.toThrow('broken');
    const failure = join(placeOf('build').records, 'failure');
    const left = readFileSync(failure);
    await once('build', () => 'mended', { failureTtl: 0, ttl: 0 });
    writeFileSync(failure, left);

    expect(await once('build', () => 'anew')).toBe('anew');
  });

  it('that says what is under way is ignored when it is damaged [H15]', async () => {
    const { file, directory } = await recorded();
    const later = JSON.stringify(currentRun({ run: 9, started: 'later' }));
    for (const text of ['', '{', 'null', '[]', '{"key":"build","run":"1"}', '\0'.repeat(9999), later]) {
      writeFileSync(join(directory, 'current'), text);
      writeFileSync(join(directory, 'history'), text);
      rmSync(file);
      expect(new Store(directory, 'build', 'any').current(), text).toBeUndefined();
      expect(await new Work().once(), text).toBe(1);
    }
  });
});
