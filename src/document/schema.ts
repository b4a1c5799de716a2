import { DamagedError, InvalidValueError, SchemaTimeoutError } from '../errors/document-errors.ts';
import { LostError } from '../errors/lock-errors.ts';
import type { Json } from '../json/json.ts';
import { plain } from '../json/values.ts';
import { isPromise } from '../lock/body.ts';
import { after } from '../lock/deadline.ts';
import { awaited, type Work } from '../lock/work.ts';

/** The part of Standard Schema (version 1, standardschema.dev) that is used here: any library that has it will do. */
export interface StandardSchema<Output = unknown> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
    readonly types?: { readonly input: unknown; readonly output: Output } | undefined;
  };
}

export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

export interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** What values are checked by, and what errors say of it. */
export interface Checking {
  readonly schema?: StandardSchema | undefined;
  readonly path: string;
  readonly holdLimit: number;
}

/**
 * What a schema finds wrong with a value, one sentence each. The value that it returns is not used, for it may lack
 * members that it does not know, and a document keeps them.
 *
 * @throws {SchemaTimeoutError} it gives no answer for as long as a lock may be held.
 */
export function* issuesOf({ schema, path, holdLimit }: Checking, json: Json): Work<readonly string[]> {
  if (schema === undefined) return [];
  const { vendor } = schema['~standard'];
  let result = schema['~standard'].validate(plain(json));
  if (isPromise(result)) {
    result = yield* awaited(Promise.resolve(result), 'the schema', (answer) =>
      inTime(answer, holdLimit, new SchemaTimeoutError(path, vendor, holdLimit)),
    );
  }
  return (result.issues ?? []).map(inWords);
}

/** Under a lock, the limit of that comes first, and the caller is told what has used it up. */
function inTime<T>(answer: Promise<T>, limit: number, late: SchemaTimeoutError): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = after(limit, () => reject(late), 'alive');
    const refuse = (error: unknown) => {
      reject(error instanceof LostError && error.reason === 'hold-limit' ? late : error);
    };
    void answer.then(resolve, refuse).finally(stop);
  });
}

function inWords({ message, path = [] }: SchemaIssue): string {
  const keys = path.map((part) => String(typeof part === 'object' ? part.key : part));
  return keys.length === 0 ? message : `${keys.join('.')}: ${message}`;
}

/** @throws {InvalidValueError} */
export function* assertValid(checking: Checking, json: Json): Work<void> {
  const issues = yield* issuesOf(checking, json);
  if (issues.length > 0) throw new InvalidValueError(checking.path, issues);
}

/** @throws {DamagedError} for a file that does not hold what its schema says. */
export function* assertWhole(checking: Checking, json: Json): Work<void> {
  const [first] = yield* issuesOf(checking, json);
  if (first !== undefined) throw new DamagedError(checking.path, `does not fit its schema: ${first}`);
}
