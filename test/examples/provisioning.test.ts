import { mkdirSync, readdirSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { locksIn } from '../support/place.ts';
import { tool } from '../support/tool.ts';
import { CONTENT, Content } from './content.ts';
import { type Answer, dataDirectory, journalOf, mountsIn, Service, type ServiceOptions } from './service.ts';

const WORKER = /^worker \d+ \(pid \d+\)$/;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

/** What stays in the data directory whatever happened; everything else is a volume, or a part of one. */
const PERMANENT = ['journal.jsonl', 'locks', 'state.json'];

async function start(options: Partial<ServiceOptions> = {}) {
  const data = dataDirectory();
  const content = await Content.start();
  const service = await Service.start({ data, content: content.url, ...options });
  const locks = locksIn(data);
  return { data, content, service, locks };
}

function expectBusy({ status, headers, body }: Answer, running: Answer['body']): void {
  expect(status).toBe(409);
  expect(headers['content-type']).toBe('application/problem+json');
  expect(Number(headers['retry-after'])).toBeGreaterThan(0);
  const { operation, since, worker, pid } = running;
  expect(body).toMatchObject({ status: 409, code: 'HOLDFAST_BUSY', operation, since, worker, pid });
  expect(body.detail).toContain(`${operation} by ${worker}`);
  expect(body.detail).toContain(since);
}

/** The volume is there, whole, once, and nothing else is. */
function expectVolume(data: string, { mode }: Service): void {
  if (mode === 'mount') {
    expect(mountsIn(data)).toEqual([{ point: join(data, 'volume'), type: 'ext4' }]);
    expect(readdirSync(data).sort()).toEqual([...PERMANENT, 'volume', 'volume.img'].sort());
    expect(readdirSync(join(data, 'volume')).sort()).toEqual(['content', 'lost+found', 'marker.json']);
    expect(readFileSync(join(data, 'volume', 'content'), 'utf8')).toBe(CONTENT);
  } else {
    expect(mountsIn(data)).toEqual([]);
    expect(readdirSync(data).sort()).toEqual([...PERMANENT, 'volume.tar'].sort());
    expect(listing(data)).toEqual(['./', './content', './marker.json']);
    const unpack = ['-xOf', join(data, 'volume.tar'), './content'];
    expect(tool('tar', unpack)).toBe(CONTENT);
  }
}

function listing(data: string): string[] {
  return tool('tar', ['-tf', join(data, 'volume.tar')])
    .trim()
    .split('\n')
    .sort();
}

function expectNoVolume(data: string): void {
  expect(mountsIn(data)).toEqual([]);
  expect(readdirSync(data).sort()).toEqual(PERMANENT);
}

it('provisions once for 50 concurrent requests and refuses 49 with an answer that tells who is at work [C1] [C2] [C3] [C7]', async () => {
  const { data, content, service, locks } = await start();
  const refused: Answer[] = [];
  let posts: Promise<Answer>[] = [];
  const all49 = new Promise<void>((resolve) => {
    posts = Array.from({ length: 50 }, async () => {
      const answer = await service.post();
      if (answer.status === 409 && refused.push(answer) === 49) resolve();
      return answer;
    });
  });

  const download = await content.asked();
  await Promise.race([all49, Promise.all(posts)]);
  const running = (await service.get()).body;
  download.serve();
  const answers = await Promise.all(posts);

  expect(answers.map(({ status }) => status).sort()).toEqual([201, ...Array(49).fill(409)]);
  for (const answer of refused) expectBusy(answer, running);
  expect(new Set(answers.map(({ headers }) => headers['x-worker'])).size).toBe(4);
  const steps = journalOf(data);
  expect(new Set(steps.map(({ step }) => step)).size).toBe(steps.length);
  expect(new Set(steps.map(({ worker, token }) => `${worker} ${token}`)).size).toBe(1);
  expect(locks.inspect('provision').state).toBe('free');
  expectVolume(data, service);
});

it('shows in every worker what the lock says: idle, running, ready [G12]', async () => {
  const { data, content, service } = await start();
  expect((await service.get()).body).toEqual({ state: 'idle' });

  const post = service.post();
  const download = await content.asked();
  const views = await Promise.all(Array.from({ length: 8 }, () => service.get()));
  for (const { status, body } of views) {
    expect(status).toBe(200);
    expect(body).toEqual({
      state: 'running',
      operation: 'provision volume',
      since: expect.stringMatching(TIME),
      worker: expect.stringMatching(WORKER),
      pid: expect.any(Number),
    });
  }
  expect(new Set(views.map(({ body }) => JSON.stringify(body))).size).toBe(1);

  download.serve();
  const { status, headers, body } = await post;
  expect(status).toBe(201);
  expect(headers['x-worker']).toBe(body.worker);
  expect(body).toMatchObject({ state: 'ready', recovered: false, cleared: [], mode: service.mode });
  expect((await service.get()).body).toEqual(body);
  expectVolume(data, service);
});

it('is free again after kill -9 of the worker in the middle, and the next request clears up and succeeds [C4]', async () => {
  const { data, content, service, locks } = await start();
  const cutOff = service.post().catch((error: Error) => error);
  await content.asked();
  const running = (await service.get()).body;
  expect(running.state).toBe('running');

  await service.killWorker(running.pid as number);

  expect(await cutOff).toBeInstanceOf(Error);
  expect(locks.inspect('provision').state).toBe('free');
  const { worker } = running;
  expect((await service.get()).body).toMatchObject({ state: 'failed', worker, detail: /died/ });

  content.open = true;
  const { status, body } = await service.post();
  expect(status).toBe(201);
  const cleared = service.mode === 'mount' ? ['mount', 'image', 'directory'] : ['directory'];
  expect(body).toMatchObject({ state: 'ready', recovered: true, cleared });
  expectVolume(data, service);

  expect((await service.post()).body).toMatchObject({ state: 'ready', recovered: false });
  expectVolume(data, service);
});

it('answers 500 when the operation fails, leaves nothing half-made, and is free for the next request [C4]', async () => {
  const { data, content, service, locks } = await start();
  content.open = true;

  const { status, headers, body } = await service.post({ size: 4096 });

  expect(status).toBe(500);
  expect(headers['content-type']).toBe('application/problem+json');
  expect(body).toMatchObject({ status: 500, title: 'Provisioning failed' });
  expect(body.detail).toMatch(service.mode === 'mount' ? /^mkfs\.ext4 ended with code 1/ : /has 4096$/);
  expect(locks.inspect('provision').state).toBe('free');
  expect((await service.get()).body).toMatchObject({ state: 'failed', operation: 'provision volume' });
  expectNoVolume(data);

  expect((await service.post()).status).toBe(201);
  expectVolume(data, service);
});

it('refuses an unrelated service on the same data while the first one is at work [C2] [C3] [C7]', async () => {
  const { data, content, service } = await start();
  const other = await Service.start({ data, content: content.url });
  const post = service.post();
  const download = await content.asked();
  const running = (await service.get()).body;

  expectBusy(await other.post(), running);
  expect((await other.get()).body).toEqual(running);
  download.serve();
  const { status, body } = await post;

  expect(status).toBe(201);
  expect((await other.get()).body).toEqual(body);
  content.open = true;
  expect((await other.post()).body).toMatchObject({ state: 'ready', recovered: false });
  expectVolume(data, service);
});

it('ends the operation of a client that goes away, leaves nothing half-made, and is free [C4]', async () => {
  const { data, content, service, locks } = await start();
  const client = new AbortController();
  const post = service.post({}, client.signal);
  const download = await content.asked();
  const free = locks.untilFree('provision');

  client.abort();

  await expect(post).rejects.toThrow('aborted');
  await download.ended;
  await free;
  expect((await service.get()).body).toMatchObject({ state: 'failed', detail: /client went away/ });
  expectNoVolume(data);

  content.open = true;
  expect((await service.post()).body).toMatchObject({ state: 'ready', recovered: false });
  expectVolume(data, service);
});

it('ends the operation when the service is told to stop, and exits in order [C4] [C7]', async () => {
  const { data, content, service, locks } = await start();
  const post = service.post();
  await content.asked();

  const { code, stderr } = await service.stop();

  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect((await post).status).toBe(503);
  expect(locks.inspect('provision').state).toBe('free');
  expectNoVolume(data);
});

it('does not touch the volume any more once another program has taken the lock file away [H7]', async () => {
  const { data, content, service, locks } = await start();
  const post = service.post();
  const download = await content.asked();
  const before = journalOf(data);

  unlinkSync(locks.pathOf('provision'));

  await download.ended;
  const { status, body } = await post;
  expect(status).toBe(500);
  expect(body.detail).toMatch(/was replaced or removed/);
  expect(journalOf(data)).toEqual(before);
  expect((await service.get()).body).toMatchObject({ state: 'failed', detail: /lost the lock/ });

  content.open = true;
  expect((await service.post()).status).toBe(201);
  expectVolume(data, service);
});

it('stays busy while a program that a killed worker had started still writes the volume [C2]', async () => {
  const content = await Content.start();
  const bin = slowTar(content.url);
  const env = { PATH: `${bin}:${process.env.PATH}` };
  const { data, service, locks } = await start({ mode: 'tar', env, content: '' });
  const cutOff = service.post().catch((error: Error) => error);
  const tar = await content.asked();
  const running = (await service.get()).body;

  await service.killWorker(running.pid as number);

  expect(await cutOff).toBeInstanceOf(Error);
  expectBusy(await service.post(), running);
  const free = locks.untilFree('provision');
  tar.serve();
  await free;
  content.open = true;
  const cleared = ['directory', 'unfinishedArchive'];
  expect((await service.post()).body).toMatchObject({ state: 'ready', recovered: true, cleared });
  expect(listing(data)).toEqual(['./', './marker.json']);
});

/** A directory with a tar in it that downloads something before it starts to work. */
function slowTar(url: string): string {
  const bin = join(dataDirectory(), 'bin');
  mkdirSync(bin);
  const wait = `fetch("${url}").then((response) => response.text())`;
  const script = [
    '#!/bin/sh',
    `'${process.execPath}' -e '${wait}'`,
    `PATH='${process.env.PATH}'`,
    'exec tar "$@"',
  ];
  writeFileSync(join(bin, 'tar'), `${script.join('\n')}\n`, { mode: 0o755 });
  return bin;
}
