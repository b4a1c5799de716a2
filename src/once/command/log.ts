import { closeSync, fstatSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { printable } from '../../errors/describe.ts';
import { openOwnFile, readOwnFile } from '../../storage/own-file.ts';
import type { OnceRecord } from '../record.ts';
import type { Store } from '../store.ts';
import { droppedBeside, type LogSummary } from './log-file.ts';
import { commandOutcomeIn } from './outcome.ts';
import type { Sink, StreamName } from './sink.ts';

const CHUNK = 65_536;
const TAIL_LINES = 10;
const LINE_END = 10;
const STREAMS = ['stdout', 'stderr'] as const;

/** What tells one run of a key from the others. */
export interface Run {
  readonly run: number;
  readonly id: string;
}

export function logPath(store: Store, run: Run, stream: StreamName): string {
  return join(store.runDirectory(run), stream);
}

/** What of a stream is not kept in its log, and why. */
export interface Gap {
  readonly stream: StreamName;
  /** Bytes. */
  readonly dropped: number;
  readonly why: string;
}

/** What is known of the log of a command; undefined for what was no command. */
export function summaryOf(store: Store, record: OnceRecord, stream: StreamName): LogSummary | undefined {
  const summary = commandOutcomeIn(record)?.[stream];
  const late = Number(readOwnFile(droppedBeside(logPath(store, record.header, stream))) ?? 0);
  if (summary === undefined || !Number.isSafeInteger(late) || late <= 0) return summary;
  const { dropped, lost = 0, problem = 'what came after the run was too long to be kept' } = summary;
  return { ...summary, dropped: dropped + late, lost: lost + late, problem };
}

/** What of the output of a command is missing in its logs. */
export function gapsIn(store: Store, record: OnceRecord, streams: readonly StreamName[] = STREAMS): Gap[] {
  return streams.flatMap((stream) => {
    const { dropped = 0, problem = 'only the end of a long output is kept' } =
      summaryOf(store, record, stream) ?? {};
    return dropped === 0 ? [] : [{ stream, dropped, why: problem }];
  });
}

/**
 * Gives again what the command of a success printed: all of its output, then all of its error output. Where something is
 * missing, it begins and ends with whole lines, if there are any. What a program returned is given as it is recorded.
 */
export async function replay(store: Store, record: OnceRecord, sink: Sink): Promise<void> {
  const outcome = commandOutcomeIn(record);
  if (outcome === undefined) return sink(record.body, 'stdout');
  for (const stream of STREAMS) {
    await readLog(store, record.header, stream, sink, summaryOf(store, record, stream));
  }
}

/** Gives one log of a run, from as far back as it is kept; of a run that is over, by whole lines where it is cut, unless they are longer than 64 KiB. */
export async function readLog(
  store: Store,
  run: Run,
  stream: StreamName,
  sink: Sink,
  { dropped = 0, lost = 0 }: Partial<LogSummary> = {},
): Promise<void> {
  const path = logPath(store, run, stream);
  // Both are opened before the first is read, so that a run that follows cannot take the second away.
  const files = [openOwnFile(`${path}.1`), openOwnFile(path)].filter((fd) => fd !== undefined);
  let isInLine = dropped > lost;
  try {
    for (const [index, fd] of files.entries()) {
      const end = lost > 0 && index === files.length - 1 ? endOfLines(fd) : Number.POSITIVE_INFINITY;
      for (let at = 0; at < end; ) {
        const buffer = Buffer.allocUnsafe(Math.min(CHUNK, end - at));
        const count = readSync(fd, buffer, 0, buffer.length, at);
        if (count === 0) break;
        at += count;
        const from: number = isInLine ? buffer.subarray(0, count).indexOf(LINE_END) + 1 : 0;
        isInLine = false;
        await sink(buffer.subarray(from, count), stream);
      }
    }
  } finally {
    for (const fd of files) closeSync(fd);
  }
}

/** Where the last whole line of a file ends. */
function endOfLines(fd: number): number {
  const { size } = fstatSync(fd);
  const buffer = Buffer.alloc(Math.min(CHUNK, size));
  readSync(fd, buffer, 0, buffer.length, size - buffer.length);
  const at = buffer.lastIndexOf(LINE_END);
  return at < 0 ? size : size - buffer.length + at + 1;
}

/** The end of a log as text; what is none is shown, not sent to the terminal. */
export function lastLines(path: string): string[] {
  const bytes = readOwnFile(path) ?? Buffer.alloc(0);
  const text = bytes.subarray(Math.max(0, bytes.length - CHUNK)).toString();
  return text.split('\n').filter(Boolean).slice(-TAIL_LINES).map(printable);
}
