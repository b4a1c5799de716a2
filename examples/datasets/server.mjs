import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { setTimeout } from 'node:timers/promises';
import { dataSet, names } from './corpus.mjs';

/**
 * @typedef {import('./corpus.mjs').Name} Name
 * @typedef {import('node:http').ServerResponse} Response
 *
 * What goes wrong with an answer:
 *
 *  - `busy`: 503, with Retry-After: 1
 *  - `drop`: half of the body, and a reset
 *  - `truncated`: half of the body, and an end in order
 *  - `revised`: the same, and from then on there is another edition
 *  - `slow`: the body starts with small pieces, with pauses between them
 *  - `hold`: most of the body, and nothing more until the other side hangs up
 *
 * @typedef {'busy' | 'drop' | 'truncated' | 'revised' | 'slow' | 'hold'} Fault
 *
 * @typedef {object} Answered
 * @property {Name} name
 * @property {string} by what the request says of who made it
 * @property {string | undefined} range
 * @property {number} status
 * @property {Fault | undefined} fault
 */

/** @type {readonly Fault[]} */
export const FAULTS = ['busy', 'drop', 'truncated', 'revised', 'slow', 'hold'];

const PIECES = 24;
const PIECE = 4096;
/** Milliseconds. */
const PAUSE = 20;

/** Serves the data sets on the loopback interface, and remembers every request. */
export class DataServer {
  /** @type {Answered[]} */
  requests = [];
  /** What the next answers suffer from, one fault after the other. @type {Record<Name, Fault[]>} */
  faults;
  #server = createServer((request, response) => void this.#answer(request, response));
  /** @type {Record<Name, Edition>} */
  #editions;

  /** @param {{ faults?: Partial<Record<Name, Fault[]>>, edition?: number }} [options] */
  constructor({ faults = {}, edition = 1 } = {}) {
    this.faults = { novels: [...(faults.novels ?? [])], letters: [...(faults.letters ?? [])] };
    this.#editions = { novels: editionOf('novels', edition), letters: editionOf('letters', edition) };
  }

  /** Its address. */
  async start(port = 0) {
    await once(this.#server.listen(port, '127.0.0.1'), 'listening');
    const address = /** @type {import('node:net').AddressInfo} */ (this.#server.address());
    return `http://127.0.0.1:${address.port}`;
  }

  async stop() {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** From now on, the next edition is served. @param {Name} name */
  revise(name) {
    this.#editions[name] = editionOf(name, this.#editions[name].number + 1);
  }

  /** Called for every request, once it is known how it is answered. @param {Answered} _answered */
  onAnswer(_answered) {}

  /** @param {import('node:http').IncomingMessage} request @param {Response} response */
  async #answer({ url, headers }, response) {
    const name = names.find((each) => url === `/${each}.txt`);
    if (name === undefined) return void response.writeHead(404).end();
    const { bytes, etag } = this.#editions[name];
    const fault = this.faults[name].shift();
    const start = headers['if-range'] === etag ? startOf(headers.range) : 0;
    const isKnown = headers['if-none-match'] === etag;
    const status = fault === 'busy' ? 503 : isKnown ? 304 : start > 0 ? 206 : 200;
    const by = headers['user-agent'] ?? 'nobody';
    const answered = { name, by, range: headers.range, status, fault };
    this.requests.push(answered);
    this.onAnswer(answered);

    if (status === 503) return void response.writeHead(503, { 'retry-after': '1' }).end();
    if (status === 304) return void response.writeHead(304, { etag }).end();
    const body = bytes.subarray(start);
    response.writeHead(status, {
      etag,
      'content-type': 'text/plain',
      'content-length': body.length,
      ...(start > 0 ? { 'content-range': `bytes ${start}-${bytes.length - 1}/${bytes.length}` } : {}),
    });
    return this.#send(name, body, fault, response);
  }

  /** @param {Name} name @param {Buffer} body @param {Fault | undefined} fault @param {Response} response */
  async #send(name, body, fault, response) {
    const { socket } = response;
    if (fault === undefined || socket === null) return void response.end(body);
    if (fault === 'slow') {
      for (let sent = 0; sent < PIECES; sent++) {
        response.write(body.subarray(sent * PIECE, (sent + 1) * PIECE));
        await setTimeout(PAUSE);
      }
      return void response.end(body.subarray(PIECES * PIECE));
    }
    response.write(body.subarray(0, body.length * (fault === 'hold' ? 0.95 : 0.5)), () => {
      if (fault === 'revised') this.revise(name);
      if (fault === 'drop') socket.resetAndDestroy();
      else if (fault !== 'hold') socket.end();
    });
  }
}

/** @typedef {{ readonly number: number, readonly bytes: Buffer, readonly etag: string }} Edition */

/** @param {Name} name @param {number} number @returns {Edition} */
function editionOf(name, number) {
  const bytes = dataSet(name, number);
  return { number, bytes, etag: `"${createHash('sha256').update(bytes).digest('hex')}"` };
}

/** @param {string | undefined} range */
function startOf(range) {
  return Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0);
}
