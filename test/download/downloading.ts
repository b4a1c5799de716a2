import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { PartialFile } from '../../src/content/partial/partial-file.ts';
import type { Validators } from '../../src/content/validators.ts';
import { downloadWith } from '../../src/download/download.ts';
import type { DownloadOptions } from '../../src/download/options.ts';
import type { Clock } from '../../src/download/pause.ts';
import {
  DOWNLOAD,
  type DownloadContext,
  type Entry,
  type ResumingProducer,
} from '../../src/download/producer.ts';
import { fingerprintOf } from '../../src/download/redact.ts';
import { within } from '../support/deadline.ts';
import { tempDirectory } from '../support/temp.ts';

/** No pause takes time; which ones were taken is known. Chance always says one half. */
export class QuickClock implements Clock {
  readonly pauses: number[] = [];
  wallClock = Date.parse('2026-11-30T12:00:00Z');

  now(): number {
    return this.wallClock;
  }

  random(): number {
    return 0.5;
  }

  async pause(ms: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.pauses.push(ms);
  }
}

/** An entry of these bytes that came from an address, or by way of it from another one. */
export function entryFrom(
  url: string,
  validators: Validators,
  bytes = Buffer.from('older'),
  at = url,
): Entry {
  const source = [url, at].map((each) => fingerprintOf(new URL(each))).join(' ');
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return { validators: { ...validators, source }, digests: { sha256 }, size: bytes.length };
}

type Given = string | readonly string[];
type Extras = Partial<Omit<DownloadContext, 'partial'>>;

/** Where the running test downloads to. Each `fetch` opens the partial anew, as a new process would. */
export class Downloading {
  readonly directory: string;
  readonly clock = new QuickClock();
  readonly progress: [done: number, total: number | undefined][] = [];

  constructor(directory = join(tempDirectory(), 'partial')) {
    this.directory = directory;
  }

  /** What became of it, and the bytes that are then there. Proxies of the environment do not count. */
  async fetch(url: Given, options: DownloadOptions = {}, extras: Extras = {}) {
    const partial = await this.open();
    try {
      const producer = downloadWith(this.clock, url, { proxy: false, ...options });
      const outcome = await within(
        (producer as ResumingProducer)[DOWNLOAD]({
          partial,
          signal: new AbortController().signal,
          progress: (done, total) => void this.progress.push([done, total]),
          ...extras,
        }),
        `the download of ${url}`,
      );
      const { digests, size } = await partial.seal();
      const bytes = readFileSync(partial.path);
      return { outcome, bytes, digests, size };
    } finally {
      await partial.close();
    }
  }

  async open(resume = true): Promise<PartialFile> {
    const partial = await PartialFile.open(this.directory, { resume });
    onTestFinished(() => partial.close());
    return partial;
  }

  /** Leaves a partial behind, as a download that broke off. */
  async leave(bytes: Uint8Array, from: Parameters<PartialFile['begin']>[0]): Promise<void> {
    const partial = await this.open(false);
    await partial.begin(from);
    await partial.write(bytes);
    await partial.close();
  }

  /** The error it ends with. */
  async fails(...given: Parameters<Downloading['fetch']>): Promise<Error> {
    const failed = await this.fetch(...given).then(
      () => undefined,
      (error: Error) => error,
    );
    if (failed === undefined) throw new Error('the download went well');
    return failed;
  }
}

export function content(size: number): Buffer {
  return randomBytes(size);
}

export function sri(bytes: Uint8Array, algorithm = 'sha256'): string {
  return `${algorithm}-${createHash(algorithm).update(bytes).digest('base64')}`;
}
