import { rmSync, writeFileSync } from 'node:fs';
import type { ConflictError } from 'holdfast';
import { Repository, resolveConflict, resolvedValue, unresolvedConflicts } from 'holdfast/document';
import { describe, expect, it } from 'vitest';
import { opened, setting } from '../opened.ts';

const schema = {
  '~standard': {
    version: 1 as const,
    vendor: 'test',
    validate: (value: unknown) => {
      const { a, b } = value as Record<string, number>;
      return Number(a) + Number(b) > 9 ? { issues: [{ message: 'more than 9' }] } : { value: value as never };
    },
  },
};

/** What a save says whose edits of `a` meet this. */
async function refused(theirs: string | undefined, options = {}) {
  const found = await opened('{ "a": 0, "b": 0 }', options);
  found.document.edit(setting('a', 5));
  if (theirs === undefined) rmSync(found.path);
  else writeFileSync(found.path, theirs);
  const error = (await found.document.save().catch((thrown: unknown) => thrown)) as ConflictError;
  return { ...found, error };
}

describe('the message of a conflict', () => {
  it('says what ends it, and that does: once it is resolved, the edits here are dropped [R38]', async () => {
    const { document, path, error } = await refused('{ "a": 7, "b": 0 }');
    expect(error.message).toBe(
      `${path} was changed by another program at a, where unsaved changes here differ. Nothing was written, and the ` +
        `changes are kept. A copy of them: ${error.file}. Choose which version counts, by holdfast doc resolve or ` +
        "resolveConflict(), then call reload({ edits: 'drop' }).",
    );
    const again = (await document.reload().catch((thrown: unknown) => thrown)) as ConflictError;
    expect(again.message).toContain(
      "Call save() to have a copy of them to choose from, or reload({ edits: 'drop' })",
    );
    await resolveConflict(path, String(error.file), 'theirs');
    await expect(document.save()).rejects.toMatchObject({ code: 'HOLDFAST_CONFLICT' });
    await document.reload({ edits: 'drop' });
    expect(await document.save()).toEqual({ a: 7, b: 0 });
  });

  it('says that the document was deleted, or that both changes together do not fit the schema [D21]', async () => {
    const deleted = await refused(undefined);
    expect(deleted.error.message).toContain(
      `${deleted.path} was deleted by another program, and there are unsaved changes of it here. Nothing was written`,
    );
    const { error } = await refused('{ "a": 0, "b": 8 }', { schema });
    expect(error.message).toContain(
      'together with the unsaved changes here it does not fit its schema. Nothing',
    );
    expect(error.conflicts).toMatchObject([{ kind: 'invalid' }]);
  });
});

describe('the message of an answer, or a record, that does not fit', () => {
  it('names the whole document, and an empty list [R38, R57]', async () => {
    const { path, document } = await refused(undefined);
    const [unresolved] = await unresolvedConflicts(path);
    if (unresolved === undefined) throw new Error('there is no conflict file');
    const both = { [String(unresolved.conflicts[0]?.key)]: 'both' as const };
    expect(() => resolvedValue(unresolved, both)).toThrow(
      'cannot be both at the whole document: only two records',
    );
    const insert = new Repository(document, 'roles').insert([] as never);
    await expect(insert).rejects.toThrow('record must be an object, got [].');
  });
});
