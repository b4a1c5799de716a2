import { closeSync, lstatSync, readdirSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { systemCode } from '../errors/base.ts';
import { printable } from '../errors/describe.ts';
import { UnrecordedError } from '../errors/once-errors.ts';
import { makeDirectory, unsafeDirectory } from '../storage/directory.ts';
import { removeTemporaries, writeDurably } from '../storage/durable.ts';
import { lstatOrNothing } from '../storage/fs/stat.ts';
import { type PrivateFiles, privateFiles, privateFilesWhile } from '../storage/private-files.ts';
import { accessing, readRecordFile } from './access.ts';
import { type CurrentRun, parseCurrent } from './current.ts';
import { formatRecord, type OnceRecord, parseRecord } from './record.ts';

/** One line of a key's history. */
export interface HistoryLine {
  readonly run: number;
  readonly started: string;
  /** Milliseconds; absent for a run that died, whose end nobody saw. */
  readonly took?: number;
  readonly outcome: 'success' | 'failure' | 'no result';
  /** The exit code of a command, or the message of an error. */
  readonly detail?: string | number;
}

const HISTORY_LINES = 100;
/** Bytes kept free for an outcome, so that a run which fills the disk can be recorded all the same. */
const RESERVE = 16_384;
/** A link in the place of the directory is nobody's who means well. */
const MADE_HERE = { link: 'refused' } as const;
const LEFT_BY_RUNS = /^(run-\d+|stop)-[0-9a-f]+$/;

/**
 * The files of one key, in a directory of their own: `success` and `failure`, the last outcome of each kind; `current`,
 * the run that is under way, or ended without an outcome; `stop-…`, that somebody stops it; `history`; what runs have left
 * in `run-…` directories; and, during a run, `reserve`, the room for its outcome.
 *
 * Reading needs no lock, and throws an `InaccessibleError` for what is there and cannot be read. All that writes is for
 * who holds the key's lock.
 */
export class Store {
  readonly directory: string;
  readonly #key: string;

  constructor(directory: string, key: string) {
    this.directory = directory;
    this.#key = key;
  }

  /** The last success, whatever its age; a record that is torn, damaged or forged is none. */
  success(): OnceRecord | undefined {
    const record = this.#read('success');
    return record?.header.kind === 'failure' ? undefined : record;
  }

  failure(): OnceRecord | undefined {
    const record = this.#read('failure');
    return record?.header.kind === 'failure' ? record : undefined;
  }

  /** The run that has begun last and has no outcome: under way if the lock is held, else ended. */
  current(): CurrentRun | undefined {
    const bytes = readRecordFile(join(this.directory, 'current'));
    return bytes === undefined ? undefined : parseCurrent(bytes.toString(), this.#key);
  }

  /** The directory for what a run leaves besides its outcome, such as its log. */
  runDirectory({ run, id }: { readonly run: number; readonly id: string }): string {
    return join(this.directory, `run-${run}-${id}`);
  }

  /**
   * Prepares for a run: the directory is there, safe and writable, and says what is under way. What earlier writers and
   * runs have left is removed, but for the runs of the records.
   *
   * @throws {UnrecordedError} when an outcome could not be recorded here; nothing has been run then.
   */
  async begin(current: CurrentRun): Promise<void> {
    try {
      makeDirectory(this.directory, 'owner');
      const problem = unsafeDirectory(this.directory) ?? this.#obstacle();
      if (problem !== undefined)
        throw new UnrecordedError(this.#key, `${printable(this.directory)} ${problem}`);
      await privateFilesWhile(this.directory, MADE_HERE, async (files) => {
        await removeTemporaries(files.pathOf('.'));
        this.#removeOldRuns(files);
        files.write('reserve', Buffer.alloc(RESERVE, ' '));
      });
      this.note(current);
    } catch (error) {
      if (error instanceof UnrecordedError) throw error;
      throw new UnrecordedError(this.#key, this.#reason(error), undefined, { cause: error });
    }
  }

  /** Says anew what is under way, or how it ended without an outcome. Not durable: after a crash nothing is under way. */
  note(current: CurrentRun): void {
    this.files((files) => {
      files.write('current.new', `${JSON.stringify(current)}\n`);
      files.rename('current.new', 'current');
    });
  }

  /**
   * Records an outcome, durably. Dying after the record and before the rest leaves a `current` of the same run, which
   * the record overrules.
   *
   * @throws {UnrecordedError}
   */
  async publish(record: OnceRecord, run: { readonly value: unknown }): Promise<void> {
    const kind = record.header.kind === 'failure' ? 'failure' : 'success';
    try {
      await privateFilesWhile(this.directory, MADE_HERE, async (files) => {
        files.remove('reserve');
        const complete = (fd: number) => files.complete(fd);
        await writeDurably(files.pathOf(kind), formatRecord(record), undefined, complete);
      });
    } catch (error) {
      throw new UnrecordedError(this.#key, this.#reason(error), run, { cause: error });
    }
    this.files((files) => {
      if (kind === 'success') files.remove('failure');
      files.remove('current');
    });
  }

  /** Runs a body with the files of the key, to make, replace or remove some. @throws the system's error. */
  files<T>(body: (files: PrivateFiles) => T): T {
    return privateFiles(this.directory, MADE_HERE, body);
  }

  /** The last runs, oldest first. */
  history(): HistoryLine[] {
    return this.#historyLines().flatMap((line) => {
      try {
        const value = JSON.parse(line) as HistoryLine | null;
        return typeof value?.run === 'number' && typeof value.started === 'string' ? [value] : [];
      } catch {
        return []; // torn by a crash
      }
    });
  }

  /** Best effort: a run does not fail because its history cannot be written. */
  remember(line: HistoryLine): void {
    try {
      const lines = this.#historyLines();
      this.files((files) => {
        // The line end comes first too: what was torn by a crash must not take this line with it.
        if (lines.length < 2 * HISTORY_LINES) return append(files, `\n${JSON.stringify(line)}\n`);
        const kept = [...lines.slice(-HISTORY_LINES), JSON.stringify(line)];
        files.write('history.new', `${kept.join('\n')}\n`);
        files.rename('history.new', 'history');
      });
    } catch {
      // A full or failing disk.
    }
  }

  /** Removes everything that is known of the key. @throws {InaccessibleError} */
  forget(): void {
    const { directory } = this;
    if (lstatOrNothing(directory) === undefined) return;
    accessing(directory, 'removed', () =>
      privateFiles(dirname(directory), { link: 'followed' }, (files) =>
        files.removeWhole(basename(directory)),
      ),
    );
  }

  #historyLines(): string[] {
    const bytes = readRecordFile(join(this.directory, 'history'));
    return bytes === undefined ? [] : bytes.toString().split('\n').filter(Boolean);
  }

  #read(name: string): OnceRecord | undefined {
    const bytes = readRecordFile(join(this.directory, name));
    return bytes === undefined ? undefined : parseRecord(bytes, this.#key);
  }

  /** What stands where a record has to go and could not be replaced by one. */
  #obstacle(): string | undefined {
    const found = ['success', 'failure', 'current', 'reserve'].find((name) =>
      lstatSync(join(this.directory, name), { throwIfNoEntry: false })?.isDirectory(),
    );
    return found === undefined ? undefined : `has a directory in the place of its file "${found}"`;
  }

  #removeOldRuns(files: PrivateFiles): void {
    const kept = [this.success(), this.failure()].flatMap((record) =>
      record === undefined ? [] : basename(this.runDirectory(record.header)),
    );
    for (const name of readdirSync(files.pathOf('.'))) {
      if (LEFT_BY_RUNS.test(name) && !kept.includes(name)) files.removeWhole(name);
    }
  }

  #reason(error: unknown): string {
    const code = systemCode(error);
    return code === undefined ? String(error) : `${code} in ${printable(this.directory)}`;
  }
}

function append(files: PrivateFiles, text: string): void {
  const fd = files.append('history');
  try {
    writeFileSync(fd, text);
  } finally {
    closeSync(fd);
  }
}
