import { createHash } from 'node:crypto';
import { alternatives } from '../../json/alternatives.ts';
import { formatJson } from '../../json/format.ts';
import type { Json } from '../../json/json.ts';
import { jsonIn } from '../../json/parse.ts';
import { formatPath } from '../../json/path.ts';
import { given } from '../../lock/known-options.ts';
import { run } from '../../lock/work.ts';
import { merge } from '../../merge/merge.ts';
import { conflictKind } from '../../merge/report.ts';
import { type DocumentConflict, whole } from '../batch.ts';
import { type ConflictMeta, conflictFiles, conflictMeta, textIn } from '../conflicts.ts';
import { givenPath, standingPlaceOf } from '../file/place.ts';
import { load } from '../load.ts';
import { MAX_BYTES } from '../options.ts';
import type { Loaded } from '../text.ts';

/** A conflict that waits for somebody to choose. */
export type OpenConflict = DocumentConflict & {
  /** Stands for its path and its three values: as long as these are the same, so is the answer. */
  readonly key: string;
};

/** A version that could not be merged with what others wrote, against what is in the document now. */
export interface Unresolved {
  /** The conflict file, beside the document. */
  readonly file: string;
  /** Undefined where that is lost: then nobody knows what both sides began with, and all that differs is a conflict. */
  readonly meta: ConflictMeta | undefined;
  /** The version in the conflict file. */
  readonly ours: Json;
  /** The document; undefined where it was deleted. */
  readonly theirs: Json | undefined;
  /** What both agree on; at each conflict it has ours, or what was changed where the other side removed it. */
  readonly merged: Json | undefined;
  /** None: the two merge by now. */
  readonly conflicts: readonly OpenConflict[];
}

/**
 * The versions of a document that could not be merged, oldest first, compared with what is there now. Takes no lock.
 * Conflict files that are no JSON, or of another user, are left out.
 *
 * @throws {DamagedError | UnreadableError} the document itself cannot be read.
 */
export async function unresolvedConflicts(path: string | URL): Promise<readonly Unresolved[]> {
  const { directory, name, path: own, given } = standingPlaceOf(givenPath(path));
  const current = await run(load(own, { shown: given, maxBytes: MAX_BYTES }));
  return conflictFiles(directory, name).flatMap((file) => {
    const compared = compare(directory, file, current);
    return compared === undefined ? [] : [compared];
  });
}

/** A conflict file against a version of its document; undefined where that file is gone, or says nothing. */
export function compare(
  directory: string,
  file: string,
  current: Pick<Loaded, 'json'> | undefined,
): Unresolved | undefined {
  const ours = jsonIn(textIn(directory, file));
  if (ours === undefined) return undefined;
  const facts = conflictMeta(directory, file);
  const theirs = current?.json;
  const base = jsonIn(facts?.base);
  const meta = facts?.base !== undefined && base === undefined ? undefined : facts; // damaged, it is as good as lost
  const before = base === undefined ? {} : { base };
  if (theirs === undefined)
    return withKeys({ file, meta, ours, theirs, merged: ours }, [whole('edit-delete', { ...before, ours })]);
  const { value, conflicts } = merge<Json>(base, ours, theirs, { ...meta?.merge, strictOrder: false });
  if (meta === undefined)
    return withKeys({ file, meta, ours, theirs, merged: value }, all(ours, theirs, value));
  const isInvalid = conflicts.length === 0 && meta.isInvalid === true;
  return withKeys(
    { file, meta, ours, theirs, merged: value },
    isInvalid ? [whole('invalid', { ...before, ours, theirs })] : conflicts,
  );
}

/** All that differs, as nobody knows which side changed it. */
function all(ours: Json, theirs: Json, merged: Json): DocumentConflict[] {
  return alternatives(ours, theirs, merged).map(({ path, ...values }) => {
    const sides = { base: undefined, ...values };
    return { kind: conflictKind(sides), path, text: formatPath(path), ...given(sides) };
  });
}

function withKeys(facts: Omit<Unresolved, 'conflicts'>, conflicts: readonly DocumentConflict[]): Unresolved {
  return { ...facts, conflicts: conflicts.map((conflict) => ({ ...conflict, key: keyOf(conflict) })) };
}

function keyOf({ text, base, ours, theirs }: DocumentConflict): string {
  const values = [base, ours, theirs].map((value) => (value === undefined ? '' : formatJson(value)));
  return createHash('sha256')
    .update([text, ...values].join('\0'))
    .digest('hex')
    .slice(0, 16);
}
