import { DamagedError, InvalidValueError } from '../errors/document-errors.ts';
import type { Json } from '../json/json.ts';
import { plain } from '../json/values.ts';
import { step, type Work } from './work.ts';

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

/**
 * What a schema finds wrong with a value, one sentence each. The value that it returns is not used, for it may lack
 * members that it does not know, and a document keeps them.
 */
export function* issuesOf(schema: StandardSchema | undefined, json: Json): Work<readonly string[]> {
  if (schema === undefined) return [];
  let result = schema['~standard'].validate(plain(json));
  if (result instanceof Promise) {
    const later = result;
    later.catch(() => {}); // whoever waits for it is told
    result = yield* step<SchemaResult<unknown>>(
      () => {
        throw new TypeError('the schema validates asynchronously, and there is no time left for it');
      },
      () => later,
    );
  }
  return (result.issues ?? []).map(inWords);
}

function inWords({ message, path = [] }: SchemaIssue): string {
  const keys = path.map((part) => String(typeof part === 'object' ? part.key : part));
  return keys.length === 0 ? message : `${keys.join('.')}: ${message}`;
}

/** @throws {InvalidValueError} */
export function* assertValid(schema: StandardSchema | undefined, json: Json, path: string): Work<void> {
  const issues = yield* issuesOf(schema, json);
  if (issues.length > 0) throw new InvalidValueError(path, issues);
}

/** @throws {DamagedError} for a file that does not hold what its schema says. */
export function* assertWhole(schema: StandardSchema | undefined, json: Json, path: string): Work<void> {
  const [first] = yield* issuesOf(schema, json);
  if (first !== undefined) throw new DamagedError(path, `does not fit its schema: ${first}`);
}
