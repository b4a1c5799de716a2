import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { formatRecord, newToken } from '../../../src/engine/portable/record.ts';
import type { LayoutName } from '../../../src/engine/portable/settings.ts';
import { CLAIM_FILE } from '../../../src/engine/signature.ts';
import type { HolderRecord } from '../../../src/identity/holder.ts';
import { self } from '../../../src/identity/self.ts';

/** A process of this machine and boot that has ended: no system gives out such a high id. */
export function deadProcess(): HolderRecord {
  return { ...self(), pid: 2 ** 22, start: '1', command: 'dead' };
}

/** Puts a claim where it would stand, as if its owner had just left it. Returns its token. */
export function leaveClaim(path: string, layout: LayoutName, holder: HolderRecord): string {
  const token = newToken();
  const since = new Date().toISOString();
  const text = formatRecord({
    token,
    mode: 'exclusive',
    since,
    lease: undefined,
    name: 'mirror',
    holder,
    anonymous: false,
  });
  if (layout === 'directory') mkdirSync(path, { recursive: true });
  writeFileSync(layout === 'directory' ? join(path, CLAIM_FILE) : path, text);
  return token;
}
