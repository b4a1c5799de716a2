import { formatJson } from '../../json/format.ts';
import { valueAt } from '../../json/lookup.ts';
import { parsePath } from '../../json/path.ts';
import { write } from '../output/text.ts';
import { readDocument } from './read.ts';

export interface GetFlags {
  readonly json?: true;
  readonly raw?: true;
}

/** `holdfast doc get`. @throws {PathSyntaxError | PathNotFoundError} and what reading throws. */
export async function getValue(file: string, path: string, { json, raw }: GetFlags): Promise<void> {
  const steps = parsePath(path);
  const value = valueAt(await readDocument(file), steps);
  if (raw === true && typeof value === 'string') write(1, `${value}\n`);
  else write(1, formatJson(value, json === true ? { indent: '' } : {}));
}
