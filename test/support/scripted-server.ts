import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { onTestFinished } from 'vitest';

/** A request as it came over the wire. */
export interface Request {
  readonly method: string;
  /** A path, or the whole address, as a proxy is asked. */
  readonly target: string;
  /** By lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Ends the connection in order, in the middle of whatever it was. */
export const HANG_UP = Symbol('hang up');
/** Ends it with a reset; what the other side has not read yet may be lost. */
export const RESET = Symbol('reset');
/** Says nothing more until the other side ends it. */
export const STALL = Symbol('stall');

type Bytes = string | Uint8Array;
/** One thing after the other: bytes to be sent, an event to be waited for, more bytes as they are taken, or an end. */
export type Step = Bytes | Promise<unknown> | Iterable<Bytes> | typeof HANG_UP | typeof RESET | typeof STALL;
export type Script = readonly Step[];
/** The answer to the request of this number, from 0. */
export type Answerer = (request: Request, number: number, socket: Socket) => Script;

export interface ScriptedServer {
  readonly url: string;
  readonly port: number;
  readonly requests: readonly Request[];
  /** How many connections were made. */
  connections: number;
}

/** The head of an answer. A header may be there several times. */
export function head(
  status: number | string,
  headers: Readonly<Record<string, string | number | readonly string[]>> = {},
  version = '1.1',
): string {
  const lines = Object.entries(headers).flatMap(([name, values]) =>
    [values].flat().map((value) => `${name}: ${value}\r\n`),
  );
  return `HTTP/${version} ${status} Reason\r\n${lines.join('')}\r\n`;
}

/** One chunk of a chunked body; of nothing, the last one. */
export function chunk(bytes: Bytes): Buffer {
  const body = Buffer.from(bytes);
  return Buffer.concat([Buffer.from(`${body.length.toString(16)}\r\n`), body, Buffer.from('\r\n')]);
}

/** A whole answer, or one from what the request's range asks for. */
export function whole(body: Uint8Array, headers: Readonly<Record<string, string | number>> = {}): Script {
  return [head(200, { 'Content-Length': body.length, ...headers }), body];
}

/** Where the range of a request starts. */
export function startOf({ headers }: Request): number {
  return Number(/^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1] ?? 0);
}

/**
 * A server that answers byte for byte what it is told, also what no library for HTTP would send. It lives as long as the
 * running test. A script that ends leaves the connection open for the next request.
 */
export async function scriptedServer(
  answers: Answerer | readonly Script[],
  tls?: { readonly key: Buffer; readonly cert: Buffer },
): Promise<ScriptedServer> {
  const answerer: Answerer =
    typeof answers === 'function'
      ? answers
      : (request, number) =>
          answers[number] ?? [head(500, { 'Content-Length': 0, 'X-Unexpected': request.target })];
  const requests: Request[] = [];
  const sockets = new Set<Socket>();
  const serve = (socket: Socket) => {
    state.connections++;
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
    void converse(socket, (request) => {
      requests.push(request);
      return answerer(request, requests.length - 1, socket);
    });
  };
  const server =
    tls === undefined ? createServer(serve) : createTlsServer(tls, serve).on('tlsClientError', () => {});
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  const { port } = server.address() as { port: number };
  const url = `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`;
  const state: ScriptedServer = { url, port, requests, connections: 0 };
  return state;
}

async function converse(socket: Socket, answer: (request: Request) => Script): Promise<void> {
  let text = '';
  try {
    for await (const data of socket.iterator({ destroyOnReturn: false })) {
      text += (data as Buffer).toString('latin1');
      for (let end = text.indexOf('\r\n\r\n'); end >= 0; end = text.indexOf('\r\n\r\n')) {
        const request = parse(text.slice(0, end));
        text = text.slice(end + 4);
        for (const step of answer(request)) if (!(await play(socket, step))) return;
      }
    }
  } catch {
    // The other side has ended the connection.
  }
}

function parse(text: string): Request {
  const [first = '', ...lines] = text.split('\r\n');
  const [method = '', target = ''] = first.split(' ');
  const headers = lines.map((line) => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
  });
  return { method, target, headers: Object.fromEntries(headers) };
}

/** Whether the script goes on. */
async function play(socket: Socket, step: Step): Promise<boolean> {
  if (typeof step === 'string' || step instanceof Uint8Array) await send(socket, step);
  else if (step instanceof Promise) await step;
  else if (step === HANG_UP) socket.end();
  else if (step === RESET) socket.resetAndDestroy();
  else if (step === STALL) return false;
  else for (const bytes of step as Iterable<Bytes>) await send(socket, bytes);
  return step !== HANG_UP && step !== RESET;
}

async function send(socket: Socket, bytes: Bytes): Promise<void> {
  if (socket.destroyed) throw new Error('the other side is gone');
  if (socket.write(bytes)) return;
  const over = new AbortController();
  const { signal } = over;
  await Promise.race(['drain', 'close'].map((event) => once(socket, event, { signal }))).finally(() =>
    over.abort(),
  );
}
