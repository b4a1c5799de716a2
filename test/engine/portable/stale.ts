import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Mode } from '../../../src/engine/engine.ts';
import { formatRecord, newToken } from '../../../src/engine/portable/record.ts';
import type { LayoutName } from '../../../src/engine/portable/settings.ts';
import { CLAIM_FILE } from '../../../src/engine/signature.ts';
import type { HolderRecord } from '../../../src/identity/holder.ts';
import { self } from '../../../src/identity/self.ts';

/** A process of this machine and boot that has ended: no system gives out such a high id. */
export function deadProcess(): HolderRecord {
  return { ...self(), pid: 2 ** 22, start: '1', command: 'dead' };
}

interface Terms {
  readonly mode?: Mode;
  /** Milliseconds. */
  readonly lease?: number;
}

/** Puts a claim where it would stand, as if its owner had just left it. Returns its token. */
export function leaveClaim(
  path: string,
  layout: LayoutName,
  holder: HolderRecord,
  { mode = 'exclusive', lease }: Terms = {},
): string {
  const token = newToken();
  const since = new Date().toISOString();
  const text = formatRecord({ token, mode, since, lease, name: 'mirror', holder, anonymous: false });
  if (layout === 'directory') mkdirSync(path, { recursive: true });
  writeFileSync(layout === 'directory' ? join(path, CLAIM_FILE) : path, text);
  return token;
}

/** Puts another claim in the place of one that stands, as whoever took it over would. Returns the new one's token. */
export function replaceClaim(path: string, layout: LayoutName, holder: HolderRecord): string {
  rmSync(path, { recursive: true });
  return leaveClaim(path, layout, holder);
}
