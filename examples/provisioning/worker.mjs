// One of the four worker processes: the HTTP side of the service.
import cluster from 'node:cluster';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { LockManager, toProblem } from 'holdfast';
import { provision } from './provision.mjs';
import { describe, look, purposeOf } from './state.mjs';

/**
 * @typedef {import('node:http').IncomingMessage} Request
 * @typedef {import('node:http').ServerResponse} Response
 */

const { PROVISION_PORT, PROVISION_DATA = '', PROVISION_MODE, PROVISION_CONTENT = '' } = process.env;
const mode = PROVISION_MODE === 'mount' ? 'mount' : 'tar';
const worker = `worker ${cluster.worker?.id} (pid ${process.pid})`;
const DEFAULT_SIZE = 8 * 1024 * 1024;
const LARGEST_SIZE = 1024 ** 3;
const LONGEST_BODY = 1024;
const RETRY_AFTER = 2;

// Beside the data, so that every service that works on this data meets the same lock.
const locks = new LockManager({ directory: join(PROVISION_DATA, 'locks') });
const stopping = new AbortController();

const server = createServer(async (request, response) => {
  response.setHeader('x-worker', worker);
  try {
    await route(request, response);
  } catch (error) {
    answerError(response, error);
  }
});

/** @param {Request} request @param {Response} response */
async function route(request, response) {
  const call = `${request.method} ${request.url}`;
  if (call === 'GET /provision') return answer(response, 200, await look(PROVISION_DATA, locks));
  if (call === 'POST /provision') return answer(response, 201, await post(request, response));
  return answerProblem(response, 404, { title: 'Not found', detail: `There is no ${call}.` });
}

/** @param {Request} request @param {Response} response */
async function post(request, response) {
  const gone = new AbortController();
  response.once('close', () => gone.abort(new Error('The client went away.')));
  const size = await sizeIn(request);
  return await locks.with('provision', { timeout: 0, purpose: purposeOf(worker) }, (lock) => {
    const signal = AbortSignal.any([lock.signal, gone.signal, stopping.signal]);
    return provision({ lock, signal, data: PROVISION_DATA, mode, size, content: PROVISION_CONTENT, worker });
  });
}

class BadRequest extends Error {}

/** The wished size in bytes, from a body such as `{"size": 8388608}`. @param {Request} request */
async function sizeIn(request) {
  let body = '';
  for await (const part of request.setEncoding('utf8')) {
    body += part;
    if (body.length > LONGEST_BODY) throw new BadRequest('The body is too long.');
  }
  if (body === '') return DEFAULT_SIZE;
  const { size = DEFAULT_SIZE } = parse(body);
  if (Number.isInteger(size) && size > 0 && size <= LARGEST_SIZE) return size;
  throw new BadRequest(`size must be a number of bytes, at most ${LARGEST_SIZE}.`);
}

/** @param {string} body */
function parse(body) {
  try {
    return Object(JSON.parse(body));
  } catch {
    throw new BadRequest('The body is not JSON.');
  }
}

/** @param {Response} response @param {unknown} error */
function answerError(response, error) {
  const busy = toProblem(error, { retryAfter: RETRY_AFTER });
  if (busy !== undefined) {
    const { holder } = /** @type {import('holdfast').BusyError} */ (error);
    return answer(response, busy.status, { ...busy.body, ...describe(holder) }, busy.headers);
  }
  const detail = error instanceof Error ? error.message : String(error);
  if (error instanceof BadRequest) return answerProblem(response, 400, { title: 'Bad request', detail });
  if (stopping.signal.aborted)
    return answerProblem(response, 503, { title: 'The service is stopping', detail });
  return answerProblem(response, 500, { title: 'Provisioning failed', detail });
}

/** @param {Response} response @param {number} status @param {{ title: string, detail: string }} problem */
function answerProblem(response, status, problem) {
  answer(
    response,
    status,
    { type: 'about:blank', status, ...problem },
    { 'content-type': 'application/problem+json' },
  );
}

/** @param {Response} response @param {number} status @param {object} body @param {Readonly<Record<string, string>>} [headers] */
function answer(response, status, body, headers) {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(`${JSON.stringify(body)}\n`);
}

function stop() {
  stopping.abort(new Error('The service is stopping.'));
  server.close(() => cluster.worker?.disconnect());
}

process.once('SIGTERM', stop);
process.once('SIGINT', stop);
server.listen(Number(PROVISION_PORT), '127.0.0.1');
