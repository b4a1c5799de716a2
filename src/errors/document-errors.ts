import { basename, dirname, join } from 'node:path';
import type { HolderRecord } from '../identity/holder.ts';
import { adviceOn } from './advice.ts';
import { HoldfastError, systemCode } from './base.ts';
import { printable } from './describe.ts';
import type { TextPlace } from './json-errors.ts';
import type { TimeoutError } from './lock-errors.ts';

/** There is no file at the path of a document, and nothing says what a new one would hold. Nothing was made. */
export class MissingDocumentError extends HoldfastError {
  static override readonly code = 'HOLDFAST_MISSING';
  readonly path: string;

  constructor(path: string) {
    super(
      MissingDocumentError.code,
      `${printable(path)} does not exist. Make it first; a program may give the option create, for what a new one holds.`,
    );
    this.path = path;
  }
}

/** The file of a document is there and is no such document. It was left as it is. */
export class DamagedError extends HoldfastError {
  static override readonly code = 'HOLDFAST_DAMAGED';
  readonly path: string;
  readonly line: number | undefined;
  readonly column: number | undefined;

  /** `problem`: in words that follow the path. */
  constructor(path: string, problem: string, place?: Pick<TextPlace, 'line' | 'column'>, cause?: unknown) {
    const where = place === undefined ? '' : `:${place.line}:${place.column}`;
    super(
      DamagedError.code,
      `${printable(path)}${where} ${printable(problem)}. It was left as it is. ` +
        'Repair it, or restore a backup of it.',
      cause,
    );
    this.path = path;
    this.line = place?.line;
    this.column = place?.column;
  }
}

/** What stands at the path cannot be a document, or cannot be read. It was not touched. */
export class UnreadableError extends HoldfastError {
  static override readonly code = 'HOLDFAST_UNREADABLE';
  readonly path: string;

  /** `problem`: in words that follow the path. */
  constructor(path: string, problem: string, cause?: unknown) {
    super(UnreadableError.code, `${printable(path)} ${printable(problem)}.`, cause);
    this.path = path;
  }
}

/** A symbolic link has taken the place of the file since the path was followed: it passes with another look at the path. */
export class LinkedError extends UnreadableError {
  constructor(path: string) {
    super(path, 'is a symbolic link that was put there a moment ago, and a document is a regular file');
  }
}

/** A document was not written, or not for good. The file is as it was, unless the message says otherwise. */
export class DocumentWriteError extends HoldfastError {
  static override readonly code = 'HOLDFAST_NOT_WRITTEN';
  readonly path: string;
  /** The change is made, and a power loss may undo it: the directory was not synced. Made again, it may count twice. */
  readonly isInFile: boolean;

  /** `problem`: in words that follow "was not written: ". `next`: what helps, as a sentence without its full stop. */
  constructor(
    path: string,
    problem: string,
    next: string,
    cause?: unknown,
    outcome: 'unwritten' | 'unsynced' = 'unwritten',
  ) {
    const name = printable(path);
    const told = {
      unwritten: `${name} was not written: ${printable(problem)}`,
      unsynced: `The change of ${name} was made, and a power loss may undo it: its directory was not synced (${printable(problem)})`,
    };
    super(DocumentWriteError.code, `${told[outcome]}. ${next}.`, cause);
    this.path = path;
    this.isInFile = outcome === 'unsynced';
  }
}

/** What the system said when the directory of a document was to be synced, after its change was made; in words. */
export function unsynced(path: string, error: unknown): unknown {
  const code = systemCode(error);
  if (code === undefined) return error;
  const next = `${adviceOn(path, code, error)}. Do not make it again: the next save or update syncs it, also one that changes nothing`;
  return new DocumentWriteError(path, code, next, error, 'unsynced');
}

/** A new value does not fit the schema, or is not JSON. Nothing was written. */
export class InvalidValueError extends HoldfastError {
  static override readonly code = 'HOLDFAST_INVALID';
  readonly path: string;
  /** One sentence for each fault. */
  readonly issues: readonly string[];

  constructor(path: string, issues: readonly string[], cause?: unknown) {
    const [first = 'it does not fit', ...rest] = issues.map(printable);
    const more = rest.length === 0 ? '' : ` (and ${rest.length} more)`;
    super(InvalidValueError.code, `The new value of ${printable(path)} was refused: ${first}${more}.`, cause);
    this.path = path;
    this.issues = issues;
  }
}

/** A schema that checks asynchronously has not answered for as long as a lock may be held. Nothing was written. */
export class SchemaTimeoutError extends HoldfastError {
  static override readonly code = 'HOLDFAST_SCHEMA_TIMEOUT';
  readonly path: string;
  /** The library that the schema was made with, as it calls itself. */
  readonly vendor: string;

  constructor(path: string, vendor: string, limit: number) {
    super(
      SchemaTimeoutError.code,
      `The schema of ${printable(path)} (${printable(vendor)}) gave no answer within ${limit} ms (holdLimit). ` +
        'Nothing was written.',
    );
    this.path = path;
    this.vendor = vendor;
  }
}

/** The file was written by a newer version of the program. It can be read, and is not written. */
export class SchemaTooNewError extends HoldfastError {
  static override readonly code = 'HOLDFAST_SCHEMA_TOO_NEW';
  readonly path: string;
  readonly found: number;
  readonly known: number;

  constructor(path: string, found: number, known: number) {
    super(
      SchemaTooNewError.code,
      `${printable(path)} has version ${found}, and this program knows versions up to ${known}. ` +
        'It is read only here. Update the program to change it.',
    );
    this.path = path;
    this.found = found;
    this.known = known;
  }
}

/** What was asked of a document object cannot be done with it: it is closed, read only, or in the middle of a recipe. */
export class DocumentStateError extends HoldfastError {
  static override readonly code = 'HOLDFAST_DOCUMENT_STATE';
  readonly path: string;
  readonly state: 'closed' | 'read-only' | 'in-recipe';

  constructor(path: string, state: DocumentStateError['state']) {
    super(DocumentStateError.code, `${printable(path)} ${STATES[state]}.`);
    this.path = path;
    this.state = state;
  }
}

const STATES = {
  closed: 'is closed in this program. Open it again',
  'read-only': 'was opened with readOnly, so it cannot be changed through this object',
  'in-recipe':
    'is being changed by the recipe that asks for this, and it would wait for itself. Do it after the update',
};

/** Where two changes of a document meet, as far as messages need it. */
export interface ConflictFacts {
  readonly kind: string;
  readonly text: string;
}

/**
 * The file was changed by others in the same places as the unsaved changes here. Nothing was written, and the unsaved
 * changes are still there; `file` has a copy of them.
 */
export class ConflictError<Conflict extends ConflictFacts = ConflictFacts> extends HoldfastError {
  static override readonly code = 'HOLDFAST_CONFLICT';
  readonly path: string;
  readonly conflicts: readonly Conflict[];
  /** The conflict file beside the document; undefined where it could not be written. */
  readonly file: string | undefined;

  /** `cause`: why there is no copy, if one was to be made. */
  constructor(path: string, conflicts: readonly Conflict[], file: string | undefined, cause?: unknown) {
    const [first, ...rest] = conflicts;
    const more = rest.length === 0 ? '' : ` and ${rest.length} more`;
    const place =
      first === undefined || first.text === '' ? 'as a whole' : `at ${printable(first.text)}${more}`;
    const deed =
      WHOLE[first?.text === '' ? first.kind : ''] ??
      `changed by another program ${place}, where unsaved changes here differ`;
    const next =
      file === undefined
        ? `${withoutCopy(path, cause)} to have a copy of them to choose from, or reload({ edits: 'drop' }) to give them up`
        : `A copy of them: ${printable(file)}. Choose which version counts, by holdfast doc resolve or resolveConflict(), then call reload({ edits: 'drop' })`;
    super(
      ConflictError.code,
      `${printable(path)} was ${deed}. Nothing was written, and the changes are kept. ${next}.`,
      cause,
    );
    this.path = path;
    this.conflicts = conflicts;
    this.file = file;
  }
}

/** What comes before a copy of the changes, which could not be made for this cause, or was not asked for. */
function withoutCopy(path: string, cause: unknown): string {
  const code = systemCode(cause);
  if (code === undefined) return 'Call save()';
  const { path: failed = path } = cause as NodeJS.ErrnoException;
  const advice = adviceOn(join(dirname(path), basename(failed)), code, cause);
  return `They are in memory alone, for no copy could be made (${code}). ${advice}; then call save()`;
}

/** What another program has done to the whole document. */
const WHOLE: Readonly<Record<string, string>> = {
  'edit-delete': 'deleted by another program, and there are unsaved changes of it here',
  invalid:
    'changed by another program, and together with the unsaved changes here it does not fit its schema',
};

/** A record was not changed: somebody else was there first. Nothing was written. */
export class RecordError extends HoldfastError {
  static override readonly code = 'HOLDFAST_RECORD';
  /** Of the document. */
  readonly path: string;
  readonly reason: 'changed' | 'removed' | 'exists';
  readonly id: string | number;
  /** The record as it is now, with its revision; undefined where there is none. */
  readonly current: { readonly revision: string; readonly value: unknown } | undefined;

  constructor(
    path: string,
    reason: RecordError['reason'],
    id: string | number,
    current: RecordError['current'],
  ) {
    super(
      RecordError.code,
      `The record ${printable(JSON.stringify(id))} of ${printable(path)} ${RECORDS[reason]}.`,
    );
    this.path = path;
    this.reason = reason;
    this.id = id;
    this.current = current;
  }
}

const RECORDS = {
  changed: 'was changed since it was read. Nothing was written. Look at current, and update that revision',
  removed: 'is not there any more. Nothing was written',
  exists: 'is there already. Nothing was written. Choose another identity, or update that record',
};

/** What can be done about a change that could not be written in time. Each can be called once. */
export interface Choices {
  /** Tries again at once, for as long as the first time. */
  readonly retry: () => Promise<unknown>;
  /** Waits for as long as it takes. */
  readonly later: () => Promise<unknown>;
  /** Gives the change up; unsaved edits stay in memory. */
  readonly cancel: () => void;
}

/** The lock of a document was not free in time. The change is kept, and the caller says what becomes of it. */
export class DocumentTimeoutError extends HoldfastError {
  static override readonly code = 'HOLDFAST_TIMEOUT';
  readonly path: string;
  readonly resource: string;
  readonly holders: readonly HolderRecord[];
  /** Milliseconds. */
  readonly waited: number;
  readonly position: number | undefined;
  readonly retry: Choices['retry'];
  readonly later: Choices['later'];
  readonly cancel: Choices['cancel'];

  constructor(path: string, timeout: TimeoutError, { retry, later, cancel }: Choices) {
    super(
      DocumentTimeoutError.code,
      `${printable(path)} was not written. ${timeout.message}. The change is kept: call retry(), later() or cancel() of this error.`,
      timeout,
    );
    this.path = path;
    this.resource = timeout.resource;
    this.holders = timeout.holders;
    this.waited = timeout.waited;
    this.position = timeout.position;
    this.retry = retry;
    this.later = later;
    this.cancel = cancel;
  }

  /** The first holder's record, if it left one. */
  get holder(): HolderRecord | undefined {
    return this.holders[0];
  }

  // It is a TimeoutError as well, by its code; but a TimeoutError offers no choices.
  static override [Symbol.hasInstance](value: unknown): boolean {
    // biome-ignore lint/complexity/noThisInStatic: the base asks for the code of the class that is asked about
    return super[Symbol.hasInstance](value) && 'later' in (value as object);
  }
}
