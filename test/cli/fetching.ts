import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Child, ChildOptions, Ending } from '../support/child.ts';
import {
  head,
  type Request,
  type Script,
  type ScriptedServer,
  scriptedServer,
  startOf,
} from '../support/scripted-server.ts';
import { Cli } from './cli.ts';

export const SIZE = 1_000_000;
export const BODY = Buffer.alloc(SIZE, 'corpus of words ');
/** Bytes of the first part of an answer in two parts. */
export const PART = 420_000;

/** The command line with a cache of its own, and no proxy. */
export class Fetching {
  readonly cli = new Cli();
  readonly cache = join(this.cli.home, 'cache');

  constructor() {
    Object.assign(this.cli.env, { HOLDFAST_CACHE: this.cache, HOLDFAST_TIMEOUT: undefined });
    for (const name of ['http_proxy', 'https_proxy', 'all_proxy']) {
      this.cli.env[name] = undefined;
      this.cli.env[name.toUpperCase()] = undefined;
    }
  }

  start(...args: readonly string[]): Child {
    return this.cli.start(['fetch', ...args]);
  }

  run(...args: readonly string[]): Promise<Ending> {
    return this.cli.run(['fetch', ...args]);
  }

  onTerminal(args: readonly string[], options?: ChildOptions): Child {
    return this.cli.onTerminal(['fetch', ...args], options);
  }

  cacheCommand(...args: readonly string[]): Promise<Ending> {
    return this.cli.run(['cache', ...args]);
  }

  /** Every byte of every file in the home, the cache among it. */
  get everything(): string {
    const files = readdirSync(this.cli.home, { recursive: true, withFileTypes: true });
    return files
      .flatMap((file) => {
        const path = join(file.parentPath, file.name);
        return file.isFile() ? [path, readFileSync(path, 'latin1')] : [path];
      })
      .join('\n');
  }
}

/** Something that is let go on by the test, at the latest when it is over. */
export class Gate {
  readonly promise: Promise<void>;
  #open: () => void = () => {};

  constructor() {
    this.promise = new Promise((resolve) => {
      this.#open = resolve;
    });
    onTestFinished(() => this.open());
  }

  open(): void {
    this.#open();
  }
}

/** The body from where it is asked for; after `PART` bytes, it waits for the gate. */
export function inParts(
  request: Request,
  gate: Gate,
  headers: Readonly<Record<string, string>> = {},
): Script {
  const start = startOf(request);
  const range = start === 0 ? {} : { 'Content-Range': `bytes ${start}-${SIZE - 1}/${SIZE}` };
  const first = head(start === 0 ? 200 : 206, {
    'Content-Length': SIZE - start,
    ETag: '"one"',
    ...range,
    ...headers,
  });
  return [
    first,
    BODY.subarray(start, Math.max(start, PART)),
    gate.promise,
    BODY.subarray(Math.max(start, PART)),
  ];
}

/** A server of one body in two parts. */
export async function server(
  headers?: Readonly<Record<string, string>>,
): Promise<ScriptedServer & { readonly gate: Gate }> {
  const gate = new Gate();
  const scripted = await scriptedServer((request) => inParts(request, gate, headers));
  return Object.assign(scripted, { gate });
}

/** An answer for each path; 404 for any other. */
export function bodies(
  texts: Readonly<Record<string, string>>,
  headers: Readonly<Record<string, string>> = {},
) {
  return scriptedServer(({ target }): Script => {
    const text = texts[target.replace(/\?.*/, '')];
    if (text === undefined) return [head(404, { 'Content-Length': 0 })];
    return [head(200, { 'Content-Length': text.length, ETag: '"1"', ...headers }), text];
  });
}
