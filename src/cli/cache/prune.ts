import { bytes as inWords, printable } from '../../errors/describe.ts';
import { given } from '../../lock/known-options.ts';
import { exitCodes } from '../exit-codes.ts';
import { printJson } from '../output/json.ts';
import { note, print } from '../output/text.ts';
import { withCache } from './open.ts';
import type { CacheFlags } from './place.ts';
import { counted } from './verify.ts';

export interface PruneFlags extends CacheFlags {
  readonly maxBytes?: number;
  /** Milliseconds. */
  readonly maxAge?: number;
  readonly dryRun?: true;
}

export function pruneCache(flags: PruneFlags): Promise<void> {
  const { maxBytes, maxAge, dryRun = false } = flags;
  return withCache(flags, async (cache) => {
    const pruned = (await cache?.prune({ ...given({ maxBytes, maxAge }), dryRun })) ?? NOTHING;
    const { entries, contents, partials, leftovers, bytes, failed } = pruned;
    if (failed.length > 0) process.exitCode = exitCodes.no;
    if (flags.json === true) return void printJson({ dryRun, ...pruned });
    for (const { path, reason, could } of failed) note(`${printable(path)} could ${could}: ${reason}`);
    const isKept = failed.some(({ could }) => could === 'not be read');
    if (isKept) note('no entry was removed, since what cannot be read may need any content');
    const parts = [
      counted(entries, 'entry', 'entries'),
      counted(contents, 'file', 'files'),
      counted(partials, 'unfinished fetch', 'unfinished fetches'),
    ];
    if (leftovers > 0) parts.push(counted(leftovers, 'leftover', 'leftovers'));
    const done = dryRun ? 'would remove' : 'removed';
    const isAny = entries + contents + partials + leftovers > 0;
    print(isAny ? `${done} ${parts.join(', ')}: ${inWords(bytes)}` : 'nothing to remove');
  });
}

const NOTHING = { entries: 0, contents: 0, partials: 0, leftovers: 0, bytes: 0, failed: [] } as const;
