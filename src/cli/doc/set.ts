import { updateExact } from '../../document/update-file.ts';
import { shellWord } from '../../errors/describe.ts';
import { InputError, shown } from '../../errors/input-error.ts';
import { JsonSyntaxError } from '../../errors/json-errors.ts';
import type { Json } from '../../json/json.ts';
import { replaced } from '../../json/lookup.ts';
import { parseJson } from '../../json/parse.ts';
import { parsePath } from '../../json/path.ts';
import { now } from '../../lock/work.ts';

/**
 * `holdfast doc set`: one durable edit under the exclusive lock of the document; all else in the file keeps its bytes.
 *
 * @throws {InputError | PathSyntaxError} before anything is touched. @throws {PathNotFoundError} and what `updateJson` throws.
 */
export async function setValue(file: string, path: string, word: string): Promise<void> {
  const steps = parsePath(path);
  const value = valueOf(word);
  await updateExact(file, (document) => now(() => replaced(document, steps, value)));
}

function valueOf(word: string): Json {
  try {
    return parseJson(word).value;
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    const quoted = shellWord(JSON.stringify(word));
    throw new InputError(
      'VALUE',
      `must be JSON, got ${shown(word)}: ${error.problem}; for a text, write ${quoted}`,
    );
  }
}
