import { readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { text as textOf } from 'node:stream/consumers';
import { describe, expect, it, onTestFinished } from 'vitest';
import { RolesFile } from '../../examples/roles/roles-file.mjs';
import { Web } from '../../examples/roles/web.mjs';
import { within } from '../support/deadline.ts';
import { memoryDirectory } from '../support/temp.ts';

const TOKEN = 'a-token-of-the-tests';
const START = '{ "roles": [{ "id": 1, "name": "Reader" }] }\n';

/** The server of the example, in this process. */
async function started() {
  const path = join(memoryDirectory(), 'roles.json');
  writeFileSync(path, START);
  const roles = new RolesFile(path);
  await roles.open();
  const web = new Web(roles, TOKEN);
  const port = Number(new URL(await web.start()).port);
  onTestFinished(async () => {
    await web.stop();
    await roles.close();
  });
  return { port, text: () => readFileSync(path, 'utf8') };
}

interface Asked {
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
}

/** One request that no browser would make; the status and the body of the answer. */
function ask(port: number, { path = '/compare', method = 'POST', headers = {}, body = '' }: Asked) {
  const own = `http://127.0.0.1:${port}`;
  const usual = { origin: own, authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' };
  const all = Object.entries({ ...usual, ...headers }).filter(([, value]) => value !== '');
  const answer = new Promise<{ readonly status: number; readonly body: string }>((resolve, reject) => {
    const options = { host: '127.0.0.1', port, path, method, headers: Object.fromEntries(all) };
    const sent = request(options, async (response) => {
      resolve({ status: response.statusCode ?? 0, body: await textOf(response).catch(() => '') });
    });
    sent.on('error', reject).end(body);
  });
  return within(answer, `${method} ${path}`);
}

describe('the server of roles', () => {
  it('refuses who has no token, comes from elsewhere, or means another host, and does nothing for them', async () => {
    const { port, text } = await started();
    const roles = { roles: [] };
    const body = JSON.stringify({ base: roles, draft: roles });
    const path = '/save';
    const statuses = async (...asked: Record<string, string>[]) =>
      (await Promise.all(asked.map((headers) => ask(port, { path, body, headers })))).map(
        ({ status }) => status,
      );
    expect(await statuses({ authorization: '' }, { authorization: `Bearer ${TOKEN}x` })).toEqual([401, 401]);
    expect(await statuses({ host: 'evil.example' }, { host: `evil.example:${port}` })).toEqual([421, 421]);
    const strangers = [
      '',
      'null',
      'http://evil.example',
      `http://127.0.0.1:${port + 1}`,
      `https://127.0.0.1:${port}`,
    ];
    expect(await statuses(...strangers.map((origin) => ({ origin })))).toEqual([403, 403, 403, 403, 403]);
    const events = { path: '/events', method: 'GET' };
    expect((await ask(port, { ...events, headers: { authorization: '', origin: '' } })).status).toBe(401);
    expect((await ask(port, { ...events, headers: { origin: 'http://evil.example' } })).status).toBe(403);
    expect(text()).toBe(START);
  });

  it('refuses in words what is no request of a window: too large, no JSON, no roles, no such backup', async () => {
    const { port, text } = await started();
    const roles = { roles: [] };
    const asked = [
      [{ body: '{' }, 400],
      [{ body: '[]' }, 400],
      [{ body: '{}', headers: { 'content-type': 'text/plain' } }, 415],
      [{ body: '{}' }, 422],
      [{ body: JSON.stringify({ base: roles, draft: { roles: [{ id: 1, name: 7 }] } }) }, 422],
      [{ body: `{"base":${'['.repeat(100_000)}${']'.repeat(100_000)}}` }, 422],
      [{ path: '/save', body: JSON.stringify({ base: roles, draft: roles, anew: 1 }) }, 422],
      [{ headers: { 'content-length': '6000000' } }, 413],
      [{ path: '/backups/preview', body: '{"name":"../../etc/passwd"}' }, 404],
      [{ path: '/backups/restore', body: '{"name":"roles.json"}' }, 422],
      [{ path: '/backups/restore', body: '{"name":7}' }, 422],
      [{ body: '{"base":{"roles":[]},"draft":{"roles":[],"x":1e400}}' }, 422],
      [{ path: '/nothing' }, 404],
      [{ path: 'http://x:y:z/' }, 404],
      [{ path: '/../server.mjs', method: 'GET' }, 404],
      [{ path: '/', method: 'POST' }, 405],
      [{ path: '/save', method: 'GET' }, 405],
    ] as const;
    const answers = await Promise.all(asked.map(([request]) => ask(port, request)));
    expect(answers.map(({ status }) => status)).toEqual(asked.map(([, status]) => status));
    for (const { body } of answers) expect(JSON.parse(body)).toMatchObject({ message: expect.any(String) });
    expect(text()).toBe(START);
  });
});
