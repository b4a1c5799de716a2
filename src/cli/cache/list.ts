import type { EntryInfo } from '../../cache/entry.ts';
import { bytes, duration, printable } from '../../errors/describe.ts';
import { Date } from '../../time/time.ts';
import { coloursFor } from '../output/colour.ts';
import { printJson } from '../output/json.ts';
import { table } from '../output/table.ts';
import { note, print } from '../output/text.ts';
import { withCache } from './open.ts';
import type { CacheFlags } from './place.ts';

type Listed = EntryInfo & { readonly lastUsed: Date };

export function list(flags: CacheFlags): Promise<void> {
  return withCache(flags, async (cache, directory) => {
    const entries: Listed[] = [];
    for await (const entry of cache?.entries() ?? []) entries.push(entry);
    entries.sort((a, b) => b.lastUsed.getTime() - a.lastUsed.getTime() || (a.key < b.key ? -1 : 1));
    if (flags.json === true) for (const entry of entries) printJson(entry);
    else if (entries.length === 0) note(`nothing is cached in ${printable(directory)}`);
    else print(table([HEAD.map(coloursFor(1).bold), ...entries.map(row)]));
  });
}

/** Characters of a key; there are some that have a hundred thousand. */
const WIDEST = 200;

const HEAD = ['KEY', 'SIZE', 'AGE', 'LAST USE'];

function row({ key, size, checked, lastUsed }: Listed): string[] {
  return [shortened(printable(key)), bytes(size), ago(Date.parse(checked)), `${ago(lastUsed.getTime())} ago`];
}

/** All rows are as wide as the widest. As JSON, a key is told whole. */
function shortened(key: string): string {
  return key.length <= WIDEST ? key : `${key.slice(0, WIDEST - 1)}…`;
}

/** Since it was last known to be current; a clock that was set makes nothing younger than now. */
function ago(time: number): string {
  return duration(Math.max(0, Date.now() - time));
}
