import type { OnceRecord } from '../record.ts';
import { commandOutcomeIn } from './outcome.ts';

/** The exit code a record stands for; a program's own success or failure counts as 0 or 1. */
export function exitCodeIn(record: OnceRecord): number {
  return commandOutcomeIn(record)?.exitCode ?? (record.header.kind === 'failure' ? 1 : 0);
}
