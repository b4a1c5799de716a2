import { createHash, timingSafeEqual } from 'node:crypto';
import { isObject, problemOf } from './model.mjs';

/**
 * @typedef {import('node:http').IncomingMessage} Request
 * @typedef {import('./model.mjs').Roles} Roles
 * @typedef {Record<string, unknown>} Body
 */

/** Bytes of the largest body: two versions of the file, with room for escapes. */
const MOST = 5 * 1024 * 1024;

/** A request that is answered with this status, and a sentence for whoever reads it. */
export class Refusal extends Error {
  /** @param {number} status @param {string} message */
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/**
 * Lets those requests through that a page of this very server makes. A name that some site has pointed at this address does
 * not come past the host, nor a page of another site past the origin.
 *
 * @param {Request} request @param {number} port
 */
export function checkSource({ headers, method }, port) {
  const hosts = [`127.0.0.1:${port}`, `localhost:${port}`];
  if (!hosts.includes(headers.host ?? '')) throw new Refusal(421, 'This server is known by another name.');
  const { origin } = headers;
  const isOwn = origin === `http://${headers.host}`;
  if (origin === undefined ? method !== 'GET' && method !== 'HEAD' : !isOwn) {
    throw new Refusal(403, 'Only pages of this server may ask it.');
  }
}

/** @param {Request} request @param {string} token */
export function checkToken({ headers }, token) {
  const digest = (/** @type {string} */ text) => createHash('sha256').update(text).digest();
  const given = headers.authorization ?? '';
  if (!timingSafeEqual(digest(given), digest(`Bearer ${token}`))) {
    throw new Refusal(401, 'The key is missing or wrong. Open the address that the server has printed.');
  }
}

/** The body, which is a JSON object. @param {Request} request @returns {Promise<Body>} */
export async function bodyOf(request) {
  if (!/^application\/json(;|$)/.test(request.headers['content-type'] ?? '')) {
    throw new Refusal(415, 'The body must be application/json.');
  }
  if (Number(request.headers['content-length'] ?? 0) > MOST) throw tooLarge();
  const bytes = await wholeOf(request);
  /** @type {unknown} */
  let body;
  try {
    body = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw new Refusal(400, 'The body is not JSON.');
  }
  if (!isObject(body)) throw new Refusal(400, 'The body must be an object.');
  return body;
}

/** @param {Request} request */
async function wholeOf(request) {
  const chunks = [];
  let length = 0;
  try {
    for await (const chunk of request) {
      length += chunk.length;
      if (length > MOST) break;
      chunks.push(chunk);
    }
  } catch {
    throw new Refusal(400, 'The body ended before its end.');
  }
  if (length > MOST) throw tooLarge();
  return Buffer.concat(chunks);
}

function tooLarge() {
  return new Refusal(413, `The body is larger than ${MOST} bytes.`);
}

/** @param {Body} body @param {string} member @returns {Roles} */
export function rolesIn(body, member) {
  const problem = problemOf(body[member]);
  if (problem !== undefined) throw new Refusal(422, `${member} cannot be saved: ${problem}.`);
  return /** @type {Roles} */ (body[member]);
}

/** @param {Body} body @param {string} member */
export function textIn(body, member) {
  const value = body[member];
  if (typeof value === 'string' && value.length > 0 && value.length <= 255) return value;
  throw new Refusal(422, `${member} must be a text of 1 to 255 characters.`);
}

/** @param {Body} body @param {string} member */
export function flagIn(body, member) {
  const value = body[member] ?? false;
  if (typeof value === 'boolean') return value;
  throw new Refusal(422, `${member} must be true or false.`);
}
