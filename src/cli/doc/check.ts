import { printable } from '../../errors/describe.ts';
import { DamagedError } from '../../errors/document-errors.ts';
import { exitCodes } from '../exit-codes.ts';
import { printJson } from '../output/json.ts';
import { print } from '../output/text.ts';
import { readDocument } from './read.ts';

/** `holdfast doc check`. @throws {MissingDocumentError | UnreadableError} */
export async function checkDocument(file: string, { json }: { readonly json?: true }): Promise<void> {
  try {
    await readDocument(file);
    if (json === true) printJson({ file, damaged: false });
    else print(`${printable(file)} can be read`);
  } catch (error) {
    if (!(error instanceof DamagedError)) throw error;
    const { line, column, message } = error;
    if (json === true) printJson({ file, damaged: true, line, column, message });
    else print(message);
    process.exitCode = exitCodes.no;
  }
}
