import { readFileSync } from 'node:fs';
import { type IncomingHttpHeaders, request } from 'node:http';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { Child, type Ending } from '../support/child.ts';
import { within } from '../support/deadline.ts';
import { tempDirectory } from '../support/temp.ts';
import { tool } from '../support/tool.ts';

const SERVER = fileURLToPath(new URL('../../examples/provisioning/server.mjs', import.meta.url));

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Readonly<Record<string, unknown>>;
}

export interface ServiceOptions {
  readonly data: string;
  readonly content?: string;
  readonly mode?: 'mount' | 'tar';
  readonly env?: NodeJS.ProcessEnv;
}

/** The example, running with its four workers on a port of its own. */
export class Service {
  readonly url: string;
  /** What it found out it can do here, unless it was told. */
  readonly mode: 'mount' | 'tar';
  readonly #child: Child;

  private constructor(child: Child, greeting: string) {
    const [, url = '', mode = ''] = /on (\S+) with 4 workers, mode (mount|tar) /.exec(greeting) ?? [];
    this.#child = child;
    this.url = url;
    this.mode = mode === 'mount' ? 'mount' : 'tar';
  }

  static async start({ data, content, mode, env = {} }: ServiceOptions): Promise<Service> {
    const args = [SERVER, '--port', '0', '--data', data];
    if (content !== undefined) args.push('--content', content);
    if (mode !== undefined) args.push('--mode', mode);
    const child = new Child(process.execPath, args, { env });
    const service = new Service(child, await child.line('listening'));
    onTestFinished(async () => {
      await service.stop();
    });
    return service;
  }

  get(): Promise<Answer> {
    return call(this.url, 'GET');
  }

  post(wish: { readonly size?: number } = {}, signal?: AbortSignal): Promise<Answer> {
    return call(this.url, 'POST', JSON.stringify(wish), signal);
  }

  /** Kills the worker with this process id as nothing can prevent; resolves when its successor takes requests. */
  async killWorker(pid: number): Promise<void> {
    process.kill(pid, 'SIGKILL');
    await this.#child.line('worker 5 ');
  }

  /** Everything it printed must not matter any more: it ends on its own terms. */
  stop(): Promise<Ending> {
    return this.#child.kill('SIGTERM');
  }
}

/** One request on a connection of its own, so that the cluster deals requests out to its workers in turn. */
function call(url: string, method: string, body = '', signal?: AbortSignal): Promise<Answer> {
  const answer = new Promise<Answer>((resolve, reject) => {
    const options = { method, agent: false, ...(signal === undefined ? {} : { signal }) };
    const sent = request(`${url}/provision`, options, async (response) => {
      const { statusCode: status = 0, headers } = response;
      try {
        resolve({ status, headers, body: (await json(response)) as Answer['body'] });
      } catch (error) {
        reject(error);
      }
    });
    sent.on('error', reject).end(body);
  });
  answer.catch(() => {}); // some tests look at it only later
  return within(answer, `${method} /provision`);
}

/** A directory for the data of services; whatever is mounted in it at the end of the test is unmounted. */
export function dataDirectory(): string {
  const data = tempDirectory();
  onTestFinished(() => {
    for (const { point } of mountsIn(data)) tool('umount', [point]);
  });
  return data;
}

export function mountsIn(data: string): { readonly point: string; readonly type: string }[] {
  const lines = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  return lines
    .map((line) => line.split(' '))
    .filter(([, , , , point]) => point?.startsWith(`${data}/`))
    .map((fields) => ({ point: fields[4] ?? '', type: fields[fields.indexOf('-') + 1] ?? '' }));
}

interface Entry {
  readonly step: string;
  readonly worker: string;
  readonly token: number;
}

/** Every side effect the services had on this data, in order. */
export function journalOf(data: string): Entry[] {
  const lines = readFileSync(join(data, 'journal.jsonl'), 'utf8').trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line) as Entry);
}
