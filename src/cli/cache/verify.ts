import { isatty } from 'node:tty';
import { bytes, printable } from '../../errors/describe.ts';
import { exitCodes } from '../exit-codes.ts';
import { printJson } from '../output/json.ts';
import { LiveLine } from '../output/live-line.ts';
import { print } from '../output/text.ts';
import { withCache } from './open.ts';
import type { CacheFlags } from './place.ts';

export interface VerifyFlags extends CacheFlags {
  readonly repair?: true;
}

export function verifyCache(flags: VerifyFlags): Promise<void> {
  const { repair = false, json } = flags;
  return withCache(flags, async (cache) => {
    let text = 'checking';
    const line = json !== true && isatty(2) ? new LiveLine(() => text) : undefined;
    const onProgress = ({ checked, bytes: done }: { checked: number; bytes: number }) => {
      text = `checking: ${counted(checked, 'entry', 'entries')}, ${bytes(done)}`;
    };
    const found = (await cache?.verify({ repair, onProgress }).finally(() => line?.erase())) ?? NOTHING;
    line?.erase();
    const { checked, bad, repaired } = found;
    if (json === true) printJson(found);
    else {
      for (const { key, path, reason } of bad) print(`${printable(key ?? path)}: ${REASONS[reason]}`);
      const result = bad.length === 0 ? 'all unchanged' : `${bad.length} bad`;
      const next = bad.length === 0 ? '' : repair ? `, ${repaired} put aside` : '; --repair puts them aside';
      print(`${counted(checked, 'entry', 'entries')} checked, ${result}${next}`);
    }
    if (bad.length > repaired) process.exitCode = exitCodes.no;
  });
}

const NOTHING = { checked: 0, bad: [], repaired: 0 } as const;

const REASONS = {
  missing: 'its content is missing',
  changed: 'its content was changed',
  unreadable: 'its content cannot be read',
  'no record': 'is no record of an entry',
} as const;

export function counted(count: number, one: string, several: string): string {
  return `${count} ${count === 1 ? one : several}`;
}
