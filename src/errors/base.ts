import { constants } from 'node:os';

/** Stable codes; a code never changes its meaning between releases. */
export type ErrorCode =
  | 'HOLDFAST_BUSY'
  | 'HOLDFAST_TIMEOUT'
  | 'HOLDFAST_LOST'
  | 'HOLDFAST_DEADLOCK'
  | 'HOLDFAST_PERMITS'
  | 'HOLDFAST_UNSUPPORTED'
  | 'HOLDFAST_DEGRADED'
  | 'HOLDFAST_CONTRACT'
  | 'HOLDFAST_UNWRITABLE'
  | 'HOLDFAST_REFUSED'
  | 'HOLDFAST_MISMATCH'
  | 'HOLDFAST_EXHAUSTED'
  | 'HOLDFAST_INPUT'
  | 'HOLDFAST_ONCE_FAILED'
  | 'HOLDFAST_ONCE_ABANDONED'
  | 'HOLDFAST_ONCE_STOPPED'
  | 'HOLDFAST_ONCE_INSIDE'
  | 'HOLDFAST_NO_RESULT'
  | 'HOLDFAST_NOT_STOPPED'
  | 'HOLDFAST_BACKGROUND'
  | 'HOLDFAST_UNRECORDED'
  | 'HOLDFAST_INACCESSIBLE'
  | 'HOLDFAST_NOT_CACHED'
  | 'HOLDFAST_FETCH_FAILED'
  | 'HOLDFAST_CORRUPT_ENTRY'
  | 'HOLDFAST_CACHE_DIRECTORY'
  | 'HOLDFAST_MIRROR'
  | 'HOLDFAST_PRODUCER'
  | 'HOLDFAST_DOWNLOAD'
  | 'HOLDFAST_INCOMPLETE'
  | 'HOLDFAST_INTEGRITY'
  | 'HOLDFAST_NO_SPACE'
  | 'HOLDFAST_RULES'
  | 'HOLDFAST_JSON'
  | 'HOLDFAST_PATH'
  | 'HOLDFAST_NO_PATH'
  | 'HOLDFAST_MISSING'
  | 'HOLDFAST_CONFLICT'
  | 'HOLDFAST_DAMAGED'
  | 'HOLDFAST_UNREADABLE'
  | 'HOLDFAST_NOT_WRITTEN'
  | 'HOLDFAST_INVALID'
  | 'HOLDFAST_SCHEMA_TIMEOUT'
  | 'HOLDFAST_SCHEMA_TOO_NEW'
  | 'HOLDFAST_DOCUMENT_STATE'
  | 'HOLDFAST_RECORD'
  | 'HOLDFAST_BACKUP';

// Symbol.for: two copies of the package in one process recognise each other's errors.
const brand = Symbol.for('holdfast.error');

/**
 * The base of every error Holdfast throws on purpose.
 *
 * `instanceof` works across duplicate installs of the package: it looks at a registered symbol and at `code`, not at
 * the prototype chain. A subclass that shares the code of its parent is told from it by the prototype chain alone.
 */
export class HoldfastError extends Error {
  /** The code of this class; undefined on the base, which every Holdfast error is an instance of. */
  static readonly code: ErrorCode | undefined = undefined;
  readonly code: ErrorCode;
  readonly [brand] = true;

  constructor(code: ErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.name = new.target.name;
  }

  /** The message, with what the command line takes in the place of options of the library. */
  get cliMessage(): string {
    return this.message;
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    if (typeof value !== 'object' || value === null || !(brand in value)) return false;
    // biome-ignore-start lint/complexity/noThisInStatic: each subclass asks for its own code
    if (!Object.hasOwn(this, 'code')) return Function.prototype[Symbol.hasInstance].call(this, value);
    return this.code === undefined || (value as HoldfastError).code === this.code;
    // biome-ignore-end lint/complexity/noThisInStatic: each subclass asks for its own code
  }
}

/** The system error code (`EACCES`, …) of something thrown by Node.js, if it has one. */
export function systemCode(error: unknown): string | undefined {
  const { code, errno } = (error ?? {}) as NodeJS.ErrnoException;
  if (typeof code !== 'string') return undefined;
  return code.startsWith('Unknown system error') ? (nameOf(errno) ?? code) : code;
}

/** Node.js has no name for some that matter: ESTALE of a network drive, EDQUOT of a disk with quotas. */
function nameOf(errno: number | undefined): string | undefined {
  return Object.entries(constants.errno).find(([, number]) => number === -(errno ?? 0))?.[0];
}
