import { Date } from '../time/time.ts';
import type { EntryRecord, Retired } from './record.ts';

/** Milliseconds for which the last few are remembered at least: the grace of whoever prunes may be a longer one. */
const DAY = 86_400_000;
const FEW = 16;
/** A record has room for so many, beside any key. */
const MOST = 1000;

/**
 * Contents that paths may still lead to which were returned before they were replaced, each once, in the order in which they
 * were. A prune goes by the grace of its own cache, and knows of no more than what is remembered here: what was replaced
 * within `graceMs`, and the last few of the last day. `content`: what replaces that of `previous`.
 */
export function retiredBy(
  previous: EntryRecord | undefined,
  content: string | null,
  graceMs: number,
): readonly Retired[] {
  if (previous === undefined) return [];
  const now = Date.now();
  const last = new Map<string, Retired>();
  const own = { content: previous.content ?? '', at: new Date(now).toISOString() };
  for (const each of [...previous.retired, own]) {
    last.delete(each.content);
    last.set(each.content, each);
  }
  for (const each of ['', content ?? '']) last.delete(each);
  const isWithin = (span: number) => (each: Retired) => Math.abs(now - Date.parse(each.at)) < span;
  const all = [...last.values()].filter(isWithin(Math.max(DAY, graceMs)));
  const owed = all.filter(isWithin(graceMs)).length;
  return all.slice(-Math.min(MOST, Math.max(FEW, owed)));
}
