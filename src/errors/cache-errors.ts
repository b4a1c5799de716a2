import { HoldfastError } from './base.ts';
import { printable, shown } from './describe.ts';

/** The policy is `never`, and there is no entry to serve. Nothing was fetched. */
export class NotCachedError extends HoldfastError {
  static override readonly code = 'HOLDFAST_NOT_CACHED';
  readonly key: string;

  constructor(key: string, directory: string) {
    super(
      NotCachedError.code,
      `${shown(key)} is not in the cache ${printable(directory)}, and the policy "never" fetches nothing. ` +
        'Fetch it once with another policy.',
    );
    this.key = key;
  }
}

/** What a failed fetch says of itself to those who waited through it. */
export interface FetchFailure {
  readonly name: string;
  readonly message: string;
  /** The `code` of the error, if it had one. */
  readonly code?: string | undefined;
}

/** The fetch this call waited for, in another call or process, failed. It was not tried again. */
export class FetchFailedError extends HoldfastError {
  static override readonly code = 'HOLDFAST_FETCH_FAILED';
  readonly key: string;
  readonly failure: FetchFailure;

  /** `by`: who fetched, in words. */
  constructor(key: string, failure: FetchFailure, by: string) {
    super(
      FetchFailedError.code,
      `The fetch of ${shown(key)} by ${printable(by)}, which this call waited for, failed: ` +
        `${printable(failure.name)}: ${printable(failure.message).replace(/\.$/, '')}. A new call fetches again.`,
    );
    this.key = key;
    this.failure = failure;
  }
}

/** The content of an entry is not what its record says, and this call may not fetch it anew. */
export class CorruptEntryError extends HoldfastError {
  static override readonly code = 'HOLDFAST_CORRUPT_ENTRY';
  readonly key: string;
  readonly path: string;

  /** `obstacle`: why nothing can be fetched into this cache, if that is why. */
  constructor(key: string, path: string, obstacle?: CacheDirectoryError) {
    super(
      CorruptEntryError.code,
      `The content of ${shown(key)} was changed after it was published, and this call cannot fetch it anew: ` +
        `${printable(path)}. ${obstacle?.message ?? 'Fetch it with the policy "if-missing".'}`,
      obstacle,
    );
    this.key = key;
    this.path = path;
  }
}

/** The last step of whoever cannot use a cache where it is. */
export const ANOTHER = 'use another one';

/** A directory that cannot be used as a cache, or not for writing. */
export class CacheDirectoryError extends HoldfastError {
  static override readonly code = 'HOLDFAST_CACHE_DIRECTORY';
  readonly path: string;

  /** `problem`: in words that follow the path. */
  constructor(path: string, problem: string, cause?: unknown) {
    super(CacheDirectoryError.code, `The cache directory ${printable(path)} ${problem}.`, cause);
    this.path = path;
  }

  override get cliMessage(): string {
    return this.message.replace(ANOTHER, `${ANOTHER} (--cache, or HOLDFAST_CACHE)`);
  }
}

/** An entry is in the cache, and could not be put at the path that was asked for. */
export class MirrorError extends HoldfastError {
  static override readonly code = 'HOLDFAST_MIRROR';
  readonly path: string;

  /** `problem`: in words that follow the path. */
  constructor(path: string, problem: string, cause?: unknown) {
    super(MirrorError.code, `The mirror ${printable(path)} ${problem}.`, cause);
    this.path = path;
  }
}

/** A producer returned, and what it left cannot be published. */
export class ProducerError extends HoldfastError {
  static override readonly code = 'HOLDFAST_PRODUCER';
  readonly key: string;
  readonly #cliMessage: string | undefined;

  /** `problem`: in words that follow "the producer". */
  constructor(key: string, problem: string, cause?: unknown, cliMessage?: string) {
    super(ProducerError.code, `The producer of ${shown(key)} ${problem}. Nothing was published.`, cause);
    this.key = key;
    this.#cliMessage = cliMessage;
  }

  static ofWriting(key: string): ProducerError {
    return new ProducerError(key, 'still writes to its temp although it has returned');
  }

  static ofNothing(key: string): ProducerError {
    return new ProducerError(
      key,
      'made no bytes; an entry is empty only with allowEmpty or size: 0',
      undefined,
      `${shown(key)} is empty. Nothing was published. If it should be empty, pass --allow-empty.`,
    );
  }

  override get cliMessage(): string {
    return this.#cliMessage ?? this.message;
  }
}
