import { givenPath, placeOf } from '../../document/file/place.ts';
import { load } from '../../document/load.ts';
import { MAX_BYTES } from '../../document/options.ts';
import { MissingDocumentError } from '../../errors/document-errors.ts';
import type { Json } from '../../json/json.ts';
import { run } from '../../lock/work.ts';

/** What is in a document now. Takes no lock. @throws {MissingDocumentError | DamagedError | UnreadableError} */
export async function readDocument(file: string): Promise<Json> {
  const { path } = placeOf(givenPath(file));
  const loaded = await run(load(path, { shown: file, maxBytes: MAX_BYTES }));
  if (loaded === undefined) throw new MissingDocumentError(file);
  return loaded.json;
}
