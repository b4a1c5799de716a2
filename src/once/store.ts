import { appendFileSync, lstatSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemCode } from '../errors/base.ts';
import { printable } from '../errors/describe.ts';
import { UnrecordedError } from '../errors/once-errors.ts';
import { makeDirectory, unsafeDirectory } from '../storage/directory.ts';
import { removeTemporaries, writeDurably } from '../storage/durable.ts';
import { replaceSync } from '../storage/replace/index.ts';
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
      makeDirectory(this.directory, 0o700);
      const problem = unsafeDirectory(this.directory) ?? this.#obstacle();
      if (problem !== undefined)
        throw new UnrecordedError(this.#key, `${printable(this.directory)} ${problem}`);
      await removeTemporaries(this.directory);
      this.#removeOldRuns();
      writeFileSync(join(this.directory, 'reserve'), Buffer.alloc(RESERVE, ' '), { mode: 0o600 });
      this.note(current);
    } catch (error) {
      if (error instanceof UnrecordedError) throw error;
      throw new UnrecordedError(this.#key, this.#reason(error), undefined, { cause: error });
    }
  }

  /** Says anew what is under way, or how it ended without an outcome. Not durable: after a crash nothing is under way. */
  note(current: CurrentRun): void {
    const temporary = join(this.directory, 'current.new');
    rmSync(temporary, { force: true });
    writeFileSync(temporary, `${JSON.stringify(current)}\n`, { flag: 'wx', mode: 0o600 });
    replaceSync(temporary, join(this.directory, 'current'));
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
      rmSync(join(this.directory, 'reserve'), { force: true });
      await writeDurably(join(this.directory, kind), formatRecord(record));
    } catch (error) {
      throw new UnrecordedError(this.#key, this.#reason(error), run, { cause: error });
    }
    if (kind === 'success') rmSync(join(this.directory, 'failure'), { force: true });
    rmSync(join(this.directory, 'current'), { force: true });
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
    const path = join(this.directory, 'history');
    try {
      const lines = this.#historyLines();
      if (lines.length < 2 * HISTORY_LINES) {
        // The line end comes first too: what was torn by a crash must not take this line with it.
        appendFileSync(path, `\n${JSON.stringify(line)}\n`, { mode: 0o600 });
        return;
      }
      const kept = [...lines.slice(-HISTORY_LINES), JSON.stringify(line)];
      writeFileSync(`${path}.new`, `${kept.join('\n')}\n`, { mode: 0o600 });
      replaceSync(`${path}.new`, path);
    } catch {
      // A full or failing disk.
    }
  }

  /** Removes everything that is known of the key. @throws {InaccessibleError} */
  forget(): void {
    accessing(this.directory, 'removed', () => rmSync(this.directory, { recursive: true, force: true }));
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

  #removeOldRuns(): void {
    const kept = [this.success(), this.failure()].flatMap((record) =>
      record === undefined ? [] : this.runDirectory(record.header),
    );
    for (const name of readdirSync(this.directory)) {
      const path = join(this.directory, name);
      if (LEFT_BY_RUNS.test(name) && !kept.includes(path)) rmSync(path, { recursive: true, force: true });
    }
  }

  #reason(error: unknown): string {
    const code = systemCode(error);
    return code === undefined ? String(error) : `${code} in ${printable(this.directory)}`;
  }
}
