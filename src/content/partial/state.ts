import { randomBytes } from 'node:crypto';
import { promises } from 'node:fs';
import { join } from 'node:path';
import { given } from '../../lock/known-options.ts';
import { completeFile } from '../../storage/fs/rights.ts';
import { lstatOrNothing } from '../../storage/fs/stat.ts';
import { readOwnFile } from '../../storage/own-file.ts';
import { replace } from '../../storage/replace/index.ts';
import { readValidators, strongValidator, type Validators } from '../validators.ts';

/** Where the bytes come from. */
export interface Source {
  /** For people: without its secrets. */
  readonly url: string;
  /** For comparison: the same text only for what may be gone on with. */
  readonly source?: string | undefined;
  readonly validators: Validators;
  /** Bytes of the whole. */
  readonly total?: number | undefined;
  /** The `Content-Encoding` that the bytes are in. */
  readonly encoding?: string | undefined;
}

export interface PartialState extends Source {
  /** The boot that `written` is of. */
  readonly boot: string;
  /** So many bytes were on the disk. */
  readonly durable: number;
  /** So many bytes were written, all of them, in that boot. */
  readonly written: number;
  /** Of the data that this is said of: another file there, or a copy, is not gone on with. */
  readonly inode: number;
  /** At most so many bytes before the end of the file may have been skipped by writes in flight. */
  readonly window: number;
}

/** How far an unfinished content is. */
export interface PartialInfo {
  /** Bytes. */
  readonly done: number;
  readonly total?: number | undefined;
  /** Whether its source said which version it is of, so that a later download can go on where it ends. */
  readonly hasVersion: boolean;
}

export function dataFile(directory: string): string {
  return join(directory, 'data');
}

export function stateFile(directory: string): string {
  return join(directory, 'state.json');
}

/** What is noted of a partial; undefined when there is nothing that makes sense. Anything may stand in the file. */
export function readState(directory: string): PartialState | undefined {
  let value: Readonly<Record<string, unknown>> | null;
  try {
    value = JSON.parse(readOwnFile(stateFile(directory))?.toString() ?? 'null');
  } catch {
    return undefined;
  }
  const { url, source = '', encoding = '', total = 0, boot, inode, durable, written, window } = value ?? {};
  const isState =
    [url, source, encoding, boot].every((each) => typeof each === 'string') &&
    typeof inode === 'number' &&
    [total, durable, written, window].every((each) => Number.isSafeInteger(each) && (each as number) >= 0);
  if (!isState) return undefined;
  return { ...(value as unknown as PartialState), validators: readValidators(value?.validators) };
}

/** For who looks at a partial from outside; undefined where there is none. */
export function readProgress(directory: string): PartialInfo | undefined {
  const data = lstatOrNothing(dataFile(directory));
  if (data?.isFile() !== true) return undefined;
  const { total, validators = {} } = readState(directory) ?? {};
  return { done: data.size, ...given({ total }), hasVersion: strongValidator(validators) !== undefined };
}

/**
 * How many bytes of the data stand, all of them right. In the same boot, all that was noted as written, and whatever lies
 * further from the end of the file than writes in flight can reach: behind a write that was lost with its process there
 * may be a later one. So it is in a file that is shorter than what was noted: it was copied before that, in the midst of
 * those writes. After another boot, only what was on the disk: of the rest, the file system may have kept the
 * length alone, and zeros.
 */
export function standing(state: PartialState, size: number, boot: string, window: number): number {
  if (size < state.durable) return 0; // somebody else was at it
  if (boot === '' || state.boot !== boot) return state.durable;
  const behind = size - Math.max(window, state.window);
  return Math.max(state.durable, size < state.written ? 0 : state.written, behind);
}

/**
 * Replaces the state. Not synced: what is lost with it at a power loss is time. An older state never says more than the
 * data has, because whoever drops data removes the state first, for good. Who lost the lock of the key may be in here as well:
 * each writes under a name of its own, and removes no other. What one that dies leaves goes with the next fetch of the key.
 */
export async function writeState(directory: string, state: PartialState): Promise<void> {
  const temporary = `${stateFile(directory)}.${randomBytes(8).toString('hex')}`;
  const file = await promises.open(temporary, 'wx', 0o600);
  try {
    try {
      completeFile(file.fd, temporary, 0o600);
      await file.writeFile(`${JSON.stringify(state)}\n`);
    } finally {
      await file.close();
    }
    await replace(temporary, stateFile(directory));
  } catch (error) {
    await promises.rm(temporary, { force: true });
    throw error;
  }
}
