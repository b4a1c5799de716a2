import type { HolderRecord } from '../identity/holder.ts';
import { Date } from '../time/time.ts';

/** A run that has begun and has no outcome. Information, like every record of a holder: the lock says whether it lives. */
export interface CurrentRun {
  readonly key: string;
  /** The directory of the project the key is of; null for a key of the user. */
  readonly project: string | null;
  readonly id: string;
  readonly run: number;
  /** 1 for the first run of a series; each one after a run without an outcome, for which somebody waited, counts on. */
  readonly attempt: number;
  readonly started: string;
  readonly by: HolderRecord;
  /** The digest of its inputs; null when it has none. */
  readonly inputs?: string | null;
  /** What is run, for a command. */
  readonly task?: Task;
  /** How it ended, when its end was seen: `was ended by SIGTERM`. */
  readonly ended?: string;
  /** The run of the same command before it, if that had no outcome: for those who waited for that one, too. */
  readonly previous?: EndedRun;
}

/** What is to be known of a run without an outcome when the next one has begun. */
export type EndedRun = Pick<CurrentRun, 'id' | 'attempt' | 'ended'>;

export function endedRun({ id, attempt, ended }: CurrentRun): EndedRun {
  return { id, attempt, ...(ended === undefined ? {} : { ended }) };
}

/** A command that runs once. */
export interface Task {
  /** As people read it. */
  readonly command: readonly string[];
  /** Tells it from every other, byte for byte. */
  readonly digest: string;
  readonly cwd: string;
  /** The variables that say most about what a command does. */
  readonly environment: Readonly<Record<string, string>>;
  /** Milliseconds it has to end when it is to stop; null: as long as it takes. */
  readonly grace?: number | null;
  /** The process, the leader of a process group of its own, once it has started. */
  readonly child?: { readonly pid: number; readonly start?: string };
}

/** What is under way, of `key` where that is known. Anything else than what `Store.note` writes is none. */
export function parseCurrent(text: string, key?: string): CurrentRun | undefined {
  try {
    const value = JSON.parse(text) as CurrentRun | null;
    const isCurrent =
      typeof value?.key === 'string' &&
      (key === undefined || value.key === key) &&
      (value.project === null || typeof value.project === 'string') &&
      Number.isSafeInteger(value.run) &&
      isEndedRun(value) &&
      (value.previous === undefined || isEndedRun(value.previous)) &&
      isTime(value.started) &&
      isHolder(value.by) &&
      (value.inputs === undefined || value.inputs === null || typeof value.inputs === 'string') &&
      (value.task === undefined || isTask(value.task));
    return isCurrent ? value : undefined;
  } catch {
    return undefined;
  }
}

function isEndedRun(value: unknown): value is EndedRun {
  const { id, attempt, ended } = (value ?? {}) as Partial<Record<keyof EndedRun, unknown>>;
  return (
    typeof id === 'string' &&
    /^[0-9a-f]{1,64}$/.test(id) &&
    Number.isSafeInteger(attempt) &&
    (ended === undefined || typeof ended === 'string')
  );
}

const TEXTS = ['start', 'boot', 'pidNamespace', 'host', 'user', 'command', 'purpose', 'since'];
const NUMBERS = ['pid', 'thread'];

/** Whether a holder's record can be shown: what it has of the known fields is of the right kind. */
export function isHolder(value: unknown): value is HolderRecord {
  if (typeof value !== 'object' || value === null) return false;
  const record = value as Readonly<Record<string, unknown>>;
  return (
    TEXTS.every((name) => record[name] === undefined || typeof record[name] === 'string') &&
    NUMBERS.every((name) => record[name] === undefined || Number.isSafeInteger(record[name])) &&
    record.child === undefined
  );
}

/** A wall-clock time in words. */
export function isTime(value: unknown): value is string {
  return typeof value === 'string' && !Number.isNaN(Date.parse(value));
}

/** It becomes part of a file name. */
export function isDigest(value: unknown): value is string {
  return typeof value === 'string' && /^[0-9a-f]{32}$/.test(value);
}

export function isTask(value: unknown): value is Task {
  const { command, digest, cwd, environment, grace, child } = (value ?? {}) as Partial<
    Record<keyof Task, unknown>
  >;
  const pid = (child as { pid?: unknown } | null | undefined)?.pid;
  return (
    Array.isArray(command) &&
    command.every((word) => typeof word === 'string') &&
    isDigest(digest) &&
    typeof cwd === 'string' &&
    typeof environment === 'object' &&
    environment !== null &&
    (grace === undefined || grace === null || (typeof grace === 'number' && grace >= 0)) &&
    (child === undefined || (Number.isSafeInteger(pid) && (pid as number) > 1))
  );
}
