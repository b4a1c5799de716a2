import type { Digests } from '../content/integrity.ts';
import type { PartialFile } from '../content/partial/partial-file.ts';
import type { NotModified, Validators } from '../content/validators.ts';

/** The member by which the cache recognises a producer that writes to a partial itself, and can go on with one. */
export const DOWNLOAD = Symbol.for('holdfast.download');
/** The member by which it tells one download from another. */
export const TERMS = Symbol.for('holdfast.download.terms');

/** What is known of bytes that are published already. */
export interface Entry {
  readonly validators?: Validators | undefined;
  readonly digests: Digests;
  readonly size: number;
}

/** What a download is given by the cache. */
export interface DownloadContext {
  /** Where the bytes go, with what an earlier download has left. */
  readonly partial: PartialFile;
  readonly signal: AbortSignal;
  /** The entry that is there, when an unchanged one may be kept. */
  readonly entry?: Entry | undefined;
  /** What the caller of `fetch` expects, besides what the download was given itself. */
  readonly integrity?: string | undefined;
  readonly size?: number | undefined;
  /** Bytes on the wire; goes back when a download starts over. */
  progress(done: number, total?: number): void;
}

export interface Downloaded {
  readonly validators: Validators;
  /** Without its secrets. */
  readonly url: string;
}

/** A producer for `cache.fetch`. Called as any other, it resumes nothing, and gives the path of the file. */
export interface DownloadProducer {
  (context: {
    readonly temp: string;
    readonly signal: AbortSignal;
    progress(done: number, total?: number): void;
  }): Promise<string>;
  /** For the cache alone. */
  readonly [DOWNLOAD]: unknown;
}

/** The same, as the cache calls it. */
export interface ResumingProducer extends DownloadProducer {
  [DOWNLOAD](context: DownloadContext): Promise<Downloaded | NotModified>;
  /** All that decides, besides the server, whether it succeeds: one text for those that fail alike. Secrets are in it. */
  [TERMS](): string;
}
