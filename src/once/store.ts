import { closeSync, lstatSync, readdirSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { systemCode } from '../errors/base.ts';
import { printable } from '../errors/describe.ts';
import { InaccessibleError, UnrecordedError } from '../errors/once-errors.ts';
import { makeDirectory, unsafeDirectory } from '../storage/directory.ts';
import { removeTemporaries, writeDurably } from '../storage/durable.ts';
import { lstatOrNothing } from '../storage/fs/stat.ts';
import { type PrivateFiles, privateFiles, privateFilesWhile } from '../storage/private-files.ts';
import { accessing, adviceOnRecords, namesIn, readRecordFile } from './access.ts';
import { type CurrentRun, isTime, parseCurrent } from './current.ts';
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

/** Whose outcomes count: of the functions of programs, of one command, by its digest, or of whatever ran last. */
export type Whose = 'functions' | 'any' | { readonly command: string };

const HISTORY_LINES = 100;
/** Outcomes of different commands that are kept of one key, the newest. */
const MOST_RECORDS = 100;
/** Bytes kept free for an outcome, so that a run which fills the disk can be recorded all the same. */
const RESERVE = 16_384;
/** A link in the place of the directory is nobody's who means well. */
const MADE_HERE = { link: 'refused' } as const;
const LEFT_BY_RUNS = /^(run-\d+|stop)-[0-9a-f]+$/;
/** The names of the files of runs without an outcome that those of other commands have followed. */
const PASSED = /^passed(-[0-9a-f]{32})?$/;
/** The names of the files of outcomes. */
export const RECORDS = /^(success|failure)(-[0-9a-f]{32})?$/;

/**
 * The files of one key, in a directory of their own: `success` and `failure`, the last outcome of each kind, and
 * `success-…` and `failure-…`, the same of each command; `current`, the run that is under way, or ended without an
 * outcome; `passed` and `passed-…`, what `current` said of a run without an outcome when another command's began;
 * `stop-…`, that somebody stops a run; `history`; what runs have left in `run-…` directories; and, during a run,
 * `reserve`, the room for its outcome. There is one run of a key at a time, whatever it runs, and one row of numbers.
 *
 * Reading needs no lock, and throws an `InaccessibleError` for what is there and cannot be read. All that writes is for
 * who holds the key's lock.
 */
export class Store {
  readonly directory: string;
  readonly #key: string;
  readonly #whose: Whose;

  constructor(directory: string, key: string, whose: Whose) {
    this.directory = directory;
    this.#key = key;
    this.#whose = whose;
  }

  /** Tells the outcomes that count here from all others. */
  get id(): string {
    return `${this.directory}\0${this.#whose === 'any' ? 'any' : digestIn(this.#whose)}`;
  }

  /** The last success that counts here, whatever its age; a record that is torn, damaged or forged is none. */
  success(): OnceRecord | undefined {
    return this.#last('success');
  }

  failure(): OnceRecord | undefined {
    return this.#last('failure');
  }

  /** The last outcome of each kind that counts here. */
  outcomes(): OnceRecord[] {
    return [this.success(), this.failure()].filter((each) => each !== undefined);
  }

  /** The number of the last run with an outcome, whatever it ran; 0: there is none. */
  lastRun(): number {
    return Math.max(0, ...this.#records().map(({ record }) => record.header.run));
  }

  /** The same files, where only outcomes of what this run runs count. */
  narrowedTo({ task }: CurrentRun): Store {
    return new Store(this.directory, this.#key, task === undefined ? 'functions' : { command: task.digest });
  }

  /** Whether the outcome of this run would count here. */
  counts({ task }: CurrentRun): boolean {
    return this.#whose === 'any' || task?.digest === digestIn(this.#whose);
  }

  /** The run that has begun last and has no outcome, whatever it runs: under way if the lock is held, else ended. */
  current(): CurrentRun | undefined {
    const bytes = readRecordFile(join(this.directory, 'current'));
    return bytes === undefined ? undefined : parseCurrent(bytes.toString(), this.#key);
  }

  /** The last run that counts here, if it has no outcome and another command's has begun after it: it is over. */
  passed(): CurrentRun | undefined {
    if (this.#whose === 'any') return undefined; // then the other's counts too
    const bytes = readRecordFile(join(this.directory, passedName(digestIn(this.#whose))));
    const run = bytes === undefined ? undefined : parseCurrent(bytes.toString(), this.#key);
    return run !== undefined && this.counts(run) ? run : undefined;
  }

  /** The directory for what a run leaves besides its outcome, such as its log. */
  runDirectory({ run, id }: { readonly run: number; readonly id: string }): string {
    return join(this.directory, `run-${run}-${id}`);
  }

  /**
   * Prepares for a run: the directory is there, safe and writable, and says what is under way. What earlier writers and
   * runs have left is removed, but for the runs of the records, and what those who wait for another command have to know.
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
        this.#keepPassed(files, current);
        this.#removeOld(files);
        files.write('reserve', Buffer.alloc(RESERVE, ' '));
      });
      this.note(current);
    } catch (error) {
      if (error instanceof UnrecordedError || error instanceof InaccessibleError) throw error;
      throw new UnrecordedError(this.#key, this.#reason(error), undefined, { cause: error });
    }
  }

  /**
   * Says anew what is under way, or how it ended without an outcome, for which it has the room of one. Not durable: after a
   * crash nothing is under way.
   */
  note(current: CurrentRun): void {
    this.files((files) => {
      if (current.ended !== undefined) files.remove('reserve');
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
    const { kind, command } = record.header;
    const name = fileName(kind === 'failure' ? 'failure' : 'success', command);
    try {
      await privateFilesWhile(this.directory, MADE_HERE, async (files) => {
        files.remove('reserve');
        const complete = (fd: number) => files.complete(fd);
        await writeDurably(files.pathOf(name), formatRecord(record), undefined, complete);
      });
    } catch (error) {
      throw new UnrecordedError(this.#key, this.#reason(error), run, { cause: error });
    }
    this.files((files) => {
      if (kind !== 'failure') files.remove(fileName('failure', command));
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
        const value: unknown = JSON.parse(line);
        return isLine(value) ? [value] : [];
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

  #last(kind: Kind): OnceRecord | undefined {
    if (this.#whose !== 'any') return this.#read(kind, digestIn(this.#whose));
    const all = this.#records().filter((each) => each.kind === kind);
    return all.reduce<OnceRecord | undefined>(
      (last, { record }) => (record.header.run > (last?.header.run ?? 0) ? record : last),
      undefined,
    );
  }

  #read(kind: Kind, command: string | undefined): OnceRecord | undefined {
    const bytes = readRecordFile(join(this.directory, fileName(kind, command)));
    const record = bytes === undefined ? undefined : parseRecord(bytes, this.#key);
    const fits =
      (record?.header.kind === 'failure') === (kind === 'failure') && record?.header.command === command;
    return fits ? record : undefined;
  }

  /** Every outcome that is recorded, whatever ran. */
  #records(): { readonly name: string; readonly kind: Kind; readonly record: OnceRecord }[] {
    return namesIn(this.directory).flatMap((name) => {
      const [, kind, digest] = RECORDS.exec(name) ?? [];
      if (kind === undefined) return [];
      const record = this.#read(kind as Kind, digest?.slice(1));
      return record === undefined ? [] : [{ name, kind: kind as Kind, record }];
    });
  }

  /** What stands where a record has to go and could not be replaced by one. */
  #obstacle(): string | undefined {
    const found = namesIn(this.directory).find(
      (name) =>
        (RECORDS.test(name) || PASSED.test(name) || name === 'current' || name === 'reserve') &&
        lstatSync(join(this.directory, name), { throwIfNoEntry: false })?.isDirectory(),
    );
    return found === undefined ? undefined : `has a directory in the place of its file "${found}"`;
  }

  /** Who waits for the command of a run that had no outcome learns how it ended also behind those of other commands. */
  #keepPassed(files: PrivateFiles, next: CurrentRun): void {
    const last = this.current();
    files.remove(passedName(next.task?.digest));
    if (last === undefined || last.task?.digest === next.task?.digest || last.run <= this.lastRun()) return;
    files.write(passedName(last.task?.digest), `${JSON.stringify(last)}\n`);
  }

  #allPassed(): { readonly name: string; readonly run: CurrentRun }[] {
    return namesIn(this.directory).flatMap((name) => {
      const bytes = PASSED.test(name) ? readRecordFile(join(this.directory, name)) : undefined;
      const run = bytes === undefined ? undefined : parseCurrent(bytes.toString(), this.#key);
      return run === undefined ? [] : [{ name, run }];
    });
  }

  #removeOld(files: PrivateFiles): void {
    const records = this.#records().sort((a, b) => b.record.header.run - a.record.header.run);
    for (const { name } of records.splice(MOST_RECORDS)) files.remove(name);
    const passed = this.#allPassed().sort((a, b) => b.run.run - a.run.run);
    for (const { name } of passed.splice(MOST_RECORDS)) files.remove(name);
    const kept = records.map(({ record }) => basename(this.runDirectory(record.header)));
    kept.push(...passed.map(({ run }) => stopName(run)));
    for (const name of readdirSync(files.pathOf('.'))) {
      if (LEFT_BY_RUNS.test(name) && !kept.includes(name)) files.removeWhole(name);
    }
  }

  #reason(error: unknown): string {
    const code = systemCode(error);
    if (code === undefined) return String(error);
    return `${code} in ${printable(this.directory)}. ${adviceOnRecords(this.directory, code, error)}`;
  }
}

const OUTCOMES: readonly unknown[] = ['success', 'failure', 'no result'] satisfies HistoryLine['outcome'][];

/** Whether a line can be shown: what it has is of the right kind. */
function isLine(value: unknown): value is HistoryLine {
  const { run, started, took, outcome, detail } = (value ?? {}) as Partial<
    Record<keyof HistoryLine, unknown>
  >;
  return (
    Number.isSafeInteger(run) &&
    isTime(started) &&
    (took === undefined || typeof took === 'number') &&
    OUTCOMES.includes(outcome) &&
    (detail === undefined || typeof detail === 'string' || typeof detail === 'number')
  );
}

type Kind = 'success' | 'failure';

function fileName(kind: Kind, command: string | undefined): string {
  return command === undefined ? kind : `${kind}-${command}`;
}

function passedName(command: string | undefined): string {
  return command === undefined ? 'passed' : `passed-${command}`;
}

/** The name of the file that says that a run is being stopped. */
export function stopName({ id }: CurrentRun): string {
  return `stop-${id}`;
}

function digestIn(whose: Exclude<Whose, 'any'>): string | undefined {
  return whose === 'functions' ? undefined : whose.command;
}

function append(files: PrivateFiles, text: string): void {
  const fd = files.append('history');
  try {
    writeFileSync(fd, text);
  } finally {
    closeSync(fd);
  }
}
