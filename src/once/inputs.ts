import { createHash } from 'node:crypto';
import { constants, createReadStream, promises } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { systemCode } from '../errors/base.ts';
import { InputError, shown } from '../errors/input-error.ts';
import { O_NONBLOCK } from '../storage/fs/open-flags.ts';
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
  const option = `inputs[${index}]`;
  const opened = await openInput(file, option);
  const hash = createHash('sha256');
  try {
    for await (const chunk of createReadStream(file, { fd: opened })) hash.update(chunk as Buffer);
  } catch (error) {
    throw new InputError(option, unreadable(file, error));
  }
  return hash.digest('hex');
}

/**
 * A file to be read, to which links may lead. What is none, such as a FIFO, is not opened: nobody waits for who is at its
 * other end, nor for the end of a device that has none.
 *
 * @throws {InputError} naming the option and the file.
 */
export async function openInput(file: string, option: string): Promise<FileHandle> {
  let opened: FileHandle | undefined;
  try {
    if ((await promises.stat(file)).isFile())
      opened = await promises.open(file, constants.O_RDONLY | O_NONBLOCK);
    if (opened !== undefined && (await opened.stat()).isFile()) return opened; // it may have been exchanged since
  } catch (error) {
    await opened?.close();
    throw new InputError(option, unreadable(file, error));
  }
  await opened?.close();
  throw new InputError(option, `names ${shown(file)}, which is no regular file`);
}

function unreadable(file: string, error: unknown): string {
  return `names ${shown(file)}, which cannot be read: ${systemCode(error) ?? String(error)}`;
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
