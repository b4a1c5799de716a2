import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { systemCode } from '../errors/base.ts';
import { InputError, shown } from '../errors/input-error.ts';
import { absolute } from '../storage/working-directory.ts';

/** Something a result depends on: a text, such as a version, or the content of a file. */
export type Input = string | { readonly file: string };

/**
 * One digest over all inputs, in their order; null when there are none. A file counts with its path and its content.
 *
 * @throws {InputError} naming the file that cannot be read.
 */
export async function digestOf(inputs: readonly Input[] | undefined): Promise<string | null> {
  if (inputs === undefined || inputs.length === 0) return null;
  const all = createHash('sha256');
  for (const [index, input] of inputs.entries()) {
    const part =
      typeof input === 'string'
        ? `text ${createHash('sha256').update(Buffer.from(input, 'utf16le')).digest('hex')}`
        : `file ${JSON.stringify(absolute(input.file))} ${await digestOfFile(input.file, index)}`;
    all.update(`${part}\n`);
  }
  return all.digest('hex');
}

async function digestOfFile(file: string, index: number): Promise<string> {
  const hash = createHash('sha256');
  try {
    for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  } catch (error) {
    throw new InputError(
      `inputs[${index}]`,
      `names a file that cannot be read (${systemCode(error)}): ${shown(file)}`,
    );
  }
  return hash.digest('hex');
}

/** @throws {InputError} naming the input that is neither a text nor a file. */
export function checkInputs(inputs: unknown): void {
  if (!Array.isArray(inputs)) throw new InputError('inputs', `must be an array, got ${shown(inputs)}`);
  for (const [index, input] of inputs.entries()) {
    const file: unknown = (input as { file?: unknown } | null)?.file;
    const isFile = typeof file === 'string' && file !== '' && !file.includes('\0');
    if (typeof input !== 'string' && !isFile) {
      throw new InputError(`inputs[${index}]`, `must be a string or { file }, got ${shown(input)}`);
    }
  }
}
