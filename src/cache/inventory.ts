import { lstatSync, readdirSync, type Stats } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { systemCode } from '../errors/base.ts';
import { readBeginning } from '../storage/regular-file.ts';
import { performance, setImmediate } from '../time/time.ts';
import type { Layout } from './layout.ts';
import { readRecord } from './look.ts';
import { type EntryRecord, LONGEST_RECORD } from './record.ts';

/** Milliseconds of synchronous calls after which others get their turn. */
const SLICE = 5;

/** Gives the event loop a turn now and then. The calls themselves are synchronous: asynchronous ones take ten times as long. */
export class Pace {
  #since = performance.now();

  get isDue(): boolean {
    return performance.now() - this.#since > SLICE;
  }

  async rest(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    this.#since = performance.now();
  }
}

/** A record as it lies on the disk. */
export interface Filed {
  readonly path: string;
  /** Undefined for a file that is no record that could be trusted. */
  readonly record: EntryRecord | undefined;
  /** When it was last used, to within ten minutes; milliseconds since the epoch. */
  readonly used: number;
}

/** Every file in `entries`. */
export async function* filedRecords(layout: Layout): AsyncGenerator<Filed> {
  const pace = new Pace();
  for (const name of namesIn(layout.entries)) {
    if (!name.endsWith('.json')) continue;
    const path = join(layout.entries, name);
    const found = readRecord(layout, path);
    yield { path, record: found?.record, used: found?.mtime ?? 0 };
    if (pace.isDue) await pace.rest();
  }
}

/** A file that stands for a content. */
export interface Stored {
  readonly path: string;
  /** The digest that it is named after. */
  readonly content: string;
  readonly stats: Stats;
}

export async function* storedContents(layout: Layout): AsyncGenerator<Stored> {
  const pace = new Pace();
  for (const shard of namesIn(layout.contents)) {
    for (const name of namesIn(join(layout.contents, shard))) {
      const path = join(layout.contents, shard, name);
      const stats = lstatSync(path, { throwIfNoEntry: false });
      if (stats !== undefined) yield { path, content: shard + name, stats };
      if (pace.isDue) await pace.rest();
    }
  }
}

/** Something in `partial`: a directory of a fetch that did not end, or the mark of one that failed. */
export interface Unfinished {
  readonly path: string;
  /** The name of its key's files. */
  readonly name: string;
  /** When something was last written there. */
  readonly written: number;
  readonly bytes: number;
}

export async function* unfinished(layout: Layout): AsyncGenerator<Unfinished> {
  const pace = new Pace();
  for (const name of namesIn(layout.partials)) {
    const path = join(layout.partials, name);
    const files = [path, ...namesIn(path).map((each) => join(path, each))].flatMap(
      (each) => lstatSync(each, { throwIfNoEntry: false }) ?? [],
    );
    yield {
      path,
      name: name.replace(/\.(failed|[0-9a-f]{16})$/, ''),
      written: Math.max(0, ...files.map(({ mtimeMs }) => mtimeMs)),
      bytes: files.reduce((sum, stats) => sum + (stats.isFile() ? stats.size : 0), 0),
    };
    if (pace.isDue) await pace.rest();
  }
}

/** What was put aside because it had been changed. */
export function putAsideIn(layout: Layout): readonly { readonly path: string; readonly stats: Stats }[] {
  return namesIn(layout.bad).flatMap((name) => {
    const path = join(layout.bad, name);
    const stats = lstatSync(path, { throwIfNoEntry: false });
    return stats === undefined ? [] : [{ path, stats }];
  });
}

const TEMPORARY = /^\.holdfast-\d+-[0-9a-f]{16}\.(tmp|probe)$/;

/** What processes have left that died while they made the directory. */
export function leftInMaking(layout: Layout): readonly { readonly path: string; readonly stats: Stats }[] {
  return namesIn(layout.directory).flatMap((name) => {
    const path = join(layout.directory, name);
    const stats = TEMPORARY.test(name) ? lstatSync(path, { throwIfNoEntry: false }) : undefined;
    return stats === undefined ? [] : [{ path, stats }];
  });
}

/** Whether a file may be a record of a later version, or cannot be looked into: what it names must stay then. */
export function isForeign(path: string): boolean {
  try {
    const { format } = JSON.parse(readBeginning(path, LONGEST_RECORD)) as { format?: unknown };
    return format !== undefined && format !== 1;
  } catch (error) {
    return systemCode(error) !== undefined;
  }
}

/** The digest of a content, from its path. */
export function digestOf(path: string): string {
  return basename(dirname(path)) + basename(path);
}

/** None where there is no directory. @throws the system's error for one that cannot be read. */
function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP'].includes(systemCode(error) ?? '')) return [];
    throw error;
  }
}
