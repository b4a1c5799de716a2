import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type DocumentOptions, openDocument } from 'holdfast/document';
import { onTestFinished } from 'vitest';
import { memoryDirectory } from '../support/temp.ts';

export interface Counter {
  a: number;
  [more: string]: unknown;
}

/** A document with this text, opened. */
export async function opened(text = '{ "a": 0 }\n', options: DocumentOptions<Counter> = {}) {
  const directory = memoryDirectory();
  const path = join(directory, 'roles.json');
  writeFileSync(path, text);
  const document = await openDocument<Counter>(path, options);
  onTestFinished(() => document.close().catch(() => {}));
  return { directory, path, document, text: () => readFileSync(path, 'utf8') };
}

export const raise = (draft: Counter) => {
  draft.a++;
};

export const setting = (name: string, value: unknown) => (draft: Counter) => {
  draft[name] = value;
};
