import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname } from 'node:path';
import { bodyOf, checkSource, checkToken, flagIn, Refusal, rolesIn, textIn } from './requests.mjs';
import { ClashError, NoBackupError } from './roles-file.mjs';

/**
 * @typedef {import('node:http').IncomingMessage} Request
 * @typedef {import('node:http').ServerResponse} Response
 * @typedef {import('./roles-file.mjs').RolesFile} RolesFile
 * @typedef {{ readonly type: string, readonly bytes: Buffer }} Page
 */

/** Milliseconds between two signs of life. */
const BEAT = 10_000;
const MOST_WINDOWS = 32;

const TYPES = new Map([
  ['.html', 'text/html; charset=utf-8'],
  ['.css', 'text/css; charset=utf-8'],
  ['.js', 'text/javascript; charset=utf-8'],
  ['.svg', 'image/svg+xml'],
]);

const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

const HEADERS = {
  'content-security-policy': POLICY,
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-store',
};

/** Serves one file of roles to windows of this machine that have the token. */
export class Web {
  #roles;
  #token;
  #port = 0;
  #server = createServer(
    { maxHeaderSize: 8 * 1024 },
    (request, response) => void this.#serve(request, response),
  );
  /** Each is called with nothing, to send the newest state. @type {Set<() => void>} */
  #windows = new Set();

  /** @param {RolesFile} roles @param {string} token */
  constructor(roles, token) {
    this.#roles = roles;
    this.#token = token;
    this.#server.requestTimeout = 10_000;
    this.#server.maxConnections = 4 * MOST_WINDOWS;
    roles.onState = () => {
      for (const send of this.#windows) send();
    };
  }

  /** Its address, without the token. Other machines cannot reach it. */
  async start(port = 0) {
    await once(this.#server.listen(port, '127.0.0.1'), 'listening');
    this.#port = /** @type {import('node:net').AddressInfo} */ (this.#server.address()).port;
    return `http://127.0.0.1:${this.#port}/`;
  }

  async stop() {
    const closed = once(this.#server.close(), 'close');
    this.#server.closeAllConnections();
    await closed;
  }

  /** @param {Request} request @param {Response} response */
  async #serve(request, response) {
    for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
    try {
      checkSource(request, this.#port);
      const [pathname = ''] = (request.url ?? '').split('?', 1);
      const page = PAGES.get(pathname);
      if (page !== undefined) return void this.#show(page, request, response);
      checkToken(request, this.#token);
      if (pathname === '/events') return void this.#follow(request, response);
      const act = this.#acts.get(pathname);
      if (act === undefined) throw new Refusal(404, 'There is nothing at this address.');
      only('POST', request);
      const result = await act(await bodyOf(request));
      answer(response, 200, { ...result, state: this.#roles.state });
    } catch (error) {
      const { status, body } = failureOf(error);
      if (response.headersSent) return void response.destroy();
      response.setHeader('connection', 'close'); // what else it wanted to send is not read
      answer(response, status, body);
    }
  }

  /** What windows ask for, by path. @type {ReadonlyMap<string, (body: import('./requests.mjs').Body) => object | Promise<object>>} */
  #acts = new Map(
    Object.entries({
      '/compare': (body) =>
        this.#roles.compare({ base: rolesIn(body, 'base'), draft: rolesIn(body, 'draft') }),
      '/save': (body) =>
        this.#roles.save({
          base: rolesIn(body, 'base'),
          draft: rolesIn(body, 'draft'),
          anew: flagIn(body, 'anew'),
        }),
      '/backups': () => ({ backups: this.#roles.backups() }),
      '/backups/preview': (body) => this.#roles.preview(textIn(body, 'name')),
      '/backups/restore': (body) => this.#roles.restore(textIn(body, 'name')),
    }),
  );

  /** @param {Page} page @param {Request} request @param {Response} response */
  #show({ type, bytes }, request, response) {
    only('GET', request);
    response.writeHead(200, { 'content-type': type, 'content-length': bytes.length }).end(bytes);
  }

  /** Sends the state now, and each later one. A window that reads slowly gets the newest. @param {Request} request @param {Response} response */
  #follow(request, response) {
    only('GET', request);
    if (this.#windows.size >= MOST_WINDOWS)
      throw new Refusal(503, `${MOST_WINDOWS} windows are open already.`);
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    let isBehind = false;
    const send = () => {
      isBehind = response.writableNeedDrain;
      if (!isBehind) response.write(`data: ${JSON.stringify(this.#roles.state)}\n\n`);
    };
    const beat = setInterval(() => response.writableNeedDrain || response.write(': here\n\n'), BEAT);
    response.on('drain', () => isBehind && send());
    response.on('close', () => {
      clearInterval(beat);
      this.#windows.delete(send);
    });
    this.#windows.add(send);
    send();
  }
}

/** The files of the page, by path, read once: no path of a request ever leads to a file. @type {ReadonlyMap<string, Page>} */
const PAGES = new Map(
  readdirSync(new URL('page', import.meta.url)).flatMap((name) => {
    const type = TYPES.get(extname(name));
    if (type === undefined) return [];
    const bytes = readFileSync(new URL(`page/${name}`, import.meta.url));
    return [[name === 'index.html' ? '/' : `/${name}`, { type, bytes }]];
  }),
);

/** @param {string} method @param {Request} request */
function only(method, request) {
  if (request.method !== method) throw new Refusal(405, `Only ${method} is understood here.`);
}

/** @param {Response} response @param {number} status @param {unknown} body */
function answer(response, status, body) {
  const bytes = Buffer.from(JSON.stringify(body));
  response
    .writeHead(status, { 'content-type': 'application/json', 'content-length': bytes.length })
    .end(bytes);
}

/** Statuses of the errors that documents throw; the messages are for people, and are shown as they are. */
const STATUSES = new Map([
  ['HOLDFAST_MISSING', 409],
  ['HOLDFAST_DAMAGED', 409],
  ['HOLDFAST_UNREADABLE', 409],
  ['HOLDFAST_INVALID', 422],
  ['HOLDFAST_INPUT', 422],
  ['HOLDFAST_TIMEOUT', 503],
  ['HOLDFAST_NOT_WRITTEN', 507],
  ['HOLDFAST_BACKUP', 507],
]);

/** @param {unknown} error */
function failureOf(error) {
  if (error instanceof Refusal) return { status: error.status, body: { message: error.message } };
  if (error instanceof NoBackupError) return { status: 404, body: { message: error.message } };
  if (error instanceof ClashError) {
    return { status: 409, body: { message: error.message, comparison: error.comparison } };
  }
  const { code, message, cause } = /** @type {{ code?: unknown, message?: unknown, cause?: unknown }} */ (
    error ?? {}
  );
  const status = STATUSES.get(String(code));
  if (status !== undefined) {
    return { status, body: { message: inWords(code, message, cause), code } };
  }
  console.error(error);
  return { status: 500, body: { message: 'Something went wrong; the server has printed what.' } };
}

/** What a person should read: errors are written for programs as well. @param {unknown} code @param {unknown} message @param {unknown} cause */
function inWords(code, message, cause) {
  if (code === 'HOLDFAST_TIMEOUT' && cause instanceof Error) return cause.message;
  const system = /** @type {{ code?: unknown } | undefined} */ (cause)?.code;
  return system === 'ENOSPC' ? 'The disk is full. The file is as it was.' : String(message);
}
