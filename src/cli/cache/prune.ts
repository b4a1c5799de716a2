import { bytes as inWords } from '../output/bytes.ts';
import { printJson } from '../output/json.ts';
import { print } from '../output/text.ts';
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
    const limits = {
      ...(maxBytes === undefined ? {} : { maxBytes }),
      ...(maxAge === undefined ? {} : { maxAge }),
    };
    const pruned = (await cache?.prune({ ...limits, dryRun })) ?? NOTHING;
    if (flags.json === true) return printJson({ dryRun, ...pruned });
    const { entries, contents, partials, bytes } = pruned;
    const parts = [
      counted(entries, 'entry', 'entries'),
      counted(contents, 'file', 'files'),
      counted(partials, 'unfinished fetch', 'unfinished fetches'),
    ];
    if (entries + contents + partials === 0) print('nothing to remove');
    else print(`${dryRun ? 'would remove' : 'removed'} ${parts.join(', ')}: ${inWords(bytes)}`);
  });
}

const NOTHING = { entries: 0, contents: 0, partials: 0, bytes: 0 } as const;
