import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect } from 'vitest';
import { RulesError } from '../../src/errors/rules-error.ts';
import { loadRules } from '../../src/rules/load.ts';
import type { Rules } from '../../src/rules/rules.ts';
import { tempDirectory } from '../support/temp.ts';

/** Writes files into a directory of their own; returns the path of the first. */
export function writeRules(files: Readonly<Record<string, string | Buffer>>): string {
  const directory = tempDirectory();
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    writeFileSync(join(directory, name), text);
  }
  return join(directory, Object.keys(files)[0] ?? '');
}

/** The rules that a file with this text makes. */
export function rulesOf(text: string | Buffer): Promise<Rules> {
  return loadRules([writeRules({ 'holdfast.yaml': text })]);
}

/** What the rules are refused by. */
export async function errorOf(promise: Promise<unknown>): Promise<RulesError> {
  const error = await promise.then(
    () => expect.unreachable('the rules were accepted'),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(RulesError);
  return error as RulesError;
}
