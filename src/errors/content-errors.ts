import { HoldfastError, systemCode } from './base.ts';
import { bytes, printable, shown } from './describe.ts';
import { isFull } from './exhaustion.ts';

/** What every error of one download carries. */
export interface DownloadFacts {
  /** The address, without its secrets. */
  readonly url: string;
  /** How many requests were made for it. */
  readonly attempts: number;
}

/** A URL could not be downloaded: no answer, or one that is of no use. What was there before is as it was. */
export class DownloadError extends HoldfastError {
  static override readonly code = 'HOLDFAST_DOWNLOAD';
  readonly url: string;
  readonly attempts: number;
  /** The HTTP status, where there was an answer. */
  readonly status: number | undefined;

  /** `problem` and `next`: what happened and what to do, as clauses. */
  constructor(
    { url, attempts, status }: DownloadFacts & { readonly status?: number | undefined },
    { problem, next, cause }: { readonly problem: string; readonly next: string; readonly cause?: unknown },
  ) {
    const message = `${shown(url)} was not downloaded: ${printable(problem)} (${times(attempts)}). ${next}.`;
    super(DownloadError.code, message, cause);
    this.url = url;
    this.attempts = attempts;
    this.status = status;
  }
}

/** A body ended before it was whole, or could not be told from one that did. */
export class IncompleteError extends HoldfastError {
  static override readonly code = 'HOLDFAST_INCOMPLETE';
  readonly url: string;
  readonly attempts: number;
  /** Bytes that are there; a later download may go on from them. */
  readonly got: number;
  /** Bytes of the whole, where that is known. */
  readonly expected: number | undefined;

  constructor(
    facts: DownloadFacts & { readonly got: number; readonly expected?: number | undefined },
    { problem, next, cause }: { readonly problem: string; readonly next: string; readonly cause?: unknown },
  ) {
    const { url, attempts, got, expected } = facts;
    const extent = expected === undefined ? `${got} bytes` : `${got} of ${expected} bytes`;
    super(
      IncompleteError.code,
      `${shown(url)} is incomplete at ${extent}: ${printable(problem)} (${times(attempts)}). ${next}.`,
      cause,
    );
    this.url = url;
    this.attempts = attempts;
    this.got = got;
    this.expected = expected;
  }
}

export interface IntegrityFacts {
  /** What was checked: an address without its secrets, or a key. */
  readonly what: string;
  /** An SRI string, or a size in words. */
  readonly expected: string;
  readonly got: string;
  /** Bytes that were checked. */
  readonly size: number;
  /** What to do, as a clause. */
  readonly next?: string | undefined;
}

/** Content is not what it should be. It was not published. */
export class IntegrityError extends HoldfastError {
  static override readonly code = 'HOLDFAST_INTEGRITY';
  readonly what: string;
  readonly expected: string;
  readonly got: string;
  readonly size: number;

  constructor({ what, expected, got, size, next }: IntegrityFacts) {
    const step =
      next ?? 'If the content was changed on purpose, change what is expected; else do not trust its source';
    super(
      IntegrityError.code,
      `${shown(what)} is not what was expected: expected ${expected}, got ${got} (${size} bytes). ${step}.`,
    );
    this.what = what;
    this.expected = expected;
    this.got = got;
    this.size = size;
  }
}

/** The disk, or what this user may use of it, does not hold the content. What was there before is as it was. */
export class NoSpaceError extends HoldfastError {
  static override readonly code = 'HOLDFAST_NO_SPACE';
  readonly path: string;
  /** Bytes that were still to come, where that is known. */
  readonly needed: number | undefined;
  /** Bytes that were free, where that was looked at. */
  readonly available: number | undefined;

  constructor(path: string, space?: { needed: number; available: number; kept: number }, cause?: unknown) {
    const { needed, available } = space ?? {};
    const why =
      space === undefined
        ? 'the disk is full, or the quota used up'
        : `${bytes(space.needed)} are to come, ${bytes(space.available)} are free, and ${bytes(space.kept)} have to stay free for other files`;
    super(
      NoSpaceError.code,
      `There is no space for ${printable(path)}: ${why}. Make room on that disk, as with holdfast cache prune, or use another directory.`,
      cause,
    );
    this.path = path;
    this.needed = needed;
    this.available = available;
  }
}

/** An error of the system, as a NoSpaceError where it says that the disk is full. */
export function explained(error: unknown, path: string): unknown {
  return isFull(systemCode(error)) ? new NoSpaceError(path, undefined, error) : error;
}

function times(attempts: number): string {
  return attempts === 1 ? '1 request' : `${attempts} requests`;
}
