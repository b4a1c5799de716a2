import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { download } from '../../src/download/download.ts';
import type { DownloadOptions } from '../../src/download/options.ts';
import { scriptedServer, whole } from '../support/scripted-server.ts';
import { tempDirectory } from '../support/temp.ts';

const URL = 'https://host.example/file';

it.each<[string, unknown]>([
  ['stallTimeout', 0],
  ['connectTimeout', '10s'],
  ['size', -1],
  ['maxBytes', 1.5],
  ['attempts', 0],
  ['proxy', 'socks5://host'],
  ['integrity', 'md5-AAAA'],
  ['accept', 'html'],
  ['proxy', 8080],
  ['proxy', true],
  ['proxy', null],
  ['ca', 7],
  ['ca', ['-----BEGIN CERTIFICATE-----']],
  ['headers', null],
  ['headers', 'Authorization: Bearer x'],
  ['headers', ['Authorization: Bearer x']],
  ['headers', new Headers({ authorization: 'Bearer x' })],
  ['headers', new Map([['authorization', 'Bearer x']])],
  ['headers', { Range: 'bytes=0-' }],
  ['headers', { 'If-None-Match': '"x"' }],
  ['headers', { 'Content-Length': '3' }],
  ['headers', { 'x-a': 'b\r\nc: d' }],
  ['headers', { 'x a': 'b' }],
  ['headers', { 'x-a': 'b', 'X-A': 'c' }],
])('refuses the option %s when it is %o, before anything is asked', (name, value) => {
  const options = { [name]: value } as DownloadOptions;
  expect(() => download(URL, options)).toThrow(
    expect.objectContaining({ code: 'HOLDFAST_INPUT', input: name }),
  );
});

it('refuses an option that it does not know, and says which one was meant', () => {
  expect(() => download(URL, { integrety: 'x' } as DownloadOptions)).toThrow(/did you mean integrity/);
});

it.each([
  ['nothing', []],
  ['a path', '/etc/passwd'],
  ['a file', 'file:///etc/passwd'],
  ['ftp', 'ftp://host/x'],
])('refuses %s as an address', (_, url) => {
  expect(() => download(url)).toThrow(expect.objectContaining({ code: 'HOLDFAST_INPUT', input: 'url' }));
});

it('shows nothing of an address that it refuses [K13]', () => {
  expect(() => download('ftp://user:s3cret@host/?s3cret')).toThrow(/^(?!.*s3cret)/);
  expect(() => download('//user:s3cret@host')).toThrow(/^(?!.*s3cret)/);
});

it('is a producer like any other, too, that writes to its private directory', async () => {
  const server = await scriptedServer([whole(Buffer.from('content'))]);
  const producer = download(server.url, { proxy: false });
  const { signal } = new AbortController();
  const path = await producer({ temp: tempDirectory(), signal, progress: () => {} });
  expect(readFileSync(String(path), 'utf8')).toBe('content');
});
