import { filedRecords, putAsideIn, storedContents, unfinished } from './inventory.ts';
import type { Layout } from './layout.ts';
import { isPresent } from './record.ts';

export interface Extent {
  readonly count: number;
  readonly bytes: number;
}

/** What lies in a cache, as it was seen. Sizes in bytes. */
export interface CacheStatistics {
  /** Entries, and the size they would have if none shared its content. */
  readonly entries: Extent;
  /** Contents that entries name. */
  readonly contents: Extent;
  /** Contents that none names: left by a crash, or replaced and not pruned yet. */
  readonly orphans: Extent;
  /** Fetches that are under way, or did not end. */
  readonly partials: Extent;
  /** Contents that were found changed. */
  readonly bad: Extent;
}

export async function statisticsOf(layout: Layout): Promise<CacheStatistics> {
  const none = () => ({ count: 0, bytes: 0 });
  const found = { entries: none(), contents: none(), orphans: none(), partials: none(), bad: none() };
  const add = (kind: keyof CacheStatistics, bytes: number) => {
    found[kind].count++;
    found[kind].bytes += bytes;
  };
  const named = new Set<string>();
  for await (const { record } of filedRecords(layout)) {
    if (!isPresent(record)) continue;
    named.add(record.content);
    add('entries', record.size);
  }
  for await (const { content, stats } of storedContents(layout)) {
    add(named.has(content) ? 'contents' : 'orphans', stats.size);
  }
  for await (const { path, bytes } of unfinished(layout))
    if (!path.endsWith('.failed')) add('partials', bytes);
  for (const { stats } of putAsideIn(layout)) add('bad', stats.size);
  return found;
}
