import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openDocument } from 'holdfast/document';
import { describe, expect, it, onTestFinished } from 'vitest';
import { within } from '../support/deadline.ts';
import { memoryDirectory } from '../support/temp.ts';
import { until } from '../support/until.ts';
import { type Counter, opened, raise, setting } from './opened.ts';

/** Answers at once, in a promise, but never for a value that has the member `hang`. */
const schema = {
  '~standard': {
    version: 1 as const,
    vendor: 'dozing',
    validate: (value: unknown) =>
      Object.hasOwn(value as Counter, 'hang')
        ? new Promise<never>(() => {})
        : Promise.resolve({ value: value as Counter }),
  },
};
const options = { schema, holdLimit: 100 };
const cutOff = { code: 'HOLDFAST_SCHEMA_TIMEOUT', vendor: 'dozing' };

describe('a schema that never answers', () => {
  it('is named by the error of the update, which writes nothing, and those behind it are done [R11, D34]', async () => {
    const { document, text } = await opened(undefined, options);
    const hanging = document.update(setting('hang', 1));
    const next = document.update(raise);
    await expect(hanging).rejects.toMatchObject(cutOff);
    await expect(hanging).rejects.toThrow(/schema of .*roles\.json \(dozing\) gave no answer within 100 ms/);
    expect(await within(next, 'the next update')).toEqual({ a: 1 });
    expect(text()).toBe('{ "a": 1 }\n');
  });

  it('is named by the error of a save, and the edits are kept', async () => {
    const { document, text } = await opened(undefined, options);
    document.edit(setting('hang', 1));
    await expect(document.save()).rejects.toMatchObject(cutOff);
    expect([document.hasUnsaved, text()]).toEqual([true, '{ "a": 0 }\n']);
  });

  it('is named by the error of the opening, also where the document is to be made, and nothing is made', async () => {
    const directory = memoryDirectory();
    const [path, missing] = [join(directory, 'roles.json'), join(directory, 'missing.json')];
    writeFileSync(path, '{ "a": 0, "hang": 1 }');
    await expect(openDocument(path, options)).rejects.toMatchObject({ ...cutOff, path });
    const making = openDocument<Counter>(missing, { ...options, create: { a: 0, hang: 1 } });
    await expect(making).rejects.toMatchObject({ ...cutOff, path: missing });
    expect(existsSync(missing)).toBe(false);
  });

  it('says nothing of the file: that is not restored over, read gives what was checked, and it is told [D7, R82]', async () => {
    const { document, path, text } = await opened(undefined, { ...options, recover: 'auto' });
    await document.update(raise);
    const told: { code: string; cause?: unknown }[] = [];
    onTestFinished(document.on('damaged', (error) => told.push(error)));
    writeFileSync(path, '{ "a": 2, "hang": 1 }');
    await until(() => told.length > 0, 'it is told');
    expect(told[0]).toMatchObject({ code: 'HOLDFAST_UNREADABLE', cause: cutOff });
    expect(document.read()).toEqual({ a: 1 });
    await expect(document.update(raise)).rejects.toMatchObject(cutOff);
    expect(text()).toBe('{ "a": 2, "hang": 1 }');
    writeFileSync(path, '{ "a": 3 }');
    expect(await document.reload()).toEqual({ a: 3 });
  });
});

it('a save that makes its document anew is checked as any other: what does not fit is an error, and no file is made [D7]', async () => {
  const numbers = {
    '~standard': {
      version: 1 as const,
      vendor: 'test',
      validate: (value: unknown) => {
        const isNumber = typeof (value as Counter).a === 'number';
        return isNumber
          ? { value: value as Counter }
          : { issues: [{ message: 'must be a number', path: ['a'] }] };
      },
    },
  };
  const { document, path } = await opened(undefined, { schema: numbers, create: { a: 0 } });
  document.edit(setting('a', 'x'));
  rmSync(path);
  await expect(document.save()).rejects.toMatchObject({
    code: 'HOLDFAST_INVALID',
    issues: ['a: must be a number'],
  });
  expect([existsSync(path), document.hasUnsaved]).toEqual([false, true]);
});
