import { linkSync } from 'node:fs';
import { systemCode } from '../../errors/base.ts';
import { unlinkQuietly } from '../fs/quietly.ts';
import { outlastUse } from '../replace/index.ts';
import { darwinExchange } from './darwin.ts';
import type { Exchange } from './exchange.ts';
import { linuxExchange } from './linux.ts';
import { windowsExchange } from './windows.ts';

const IMPLEMENTATIONS: Partial<Record<NodeJS.Platform, () => Exchange>> = {
  darwin: darwinExchange,
  linux: linuxExchange,
  win32: windowsExchange,
};

/** What a file system answers that has no such call; nothing has happened then. */
const WITHOUT = ['EINVAL', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP', 'EPERM'];

let loaded: Exchange | undefined;

/** The seam through which tests take the exchange away. */
export const exchanges = { of: IMPLEMENTATIONS[process.platform] };

function implementation(): Exchange | undefined {
  try {
    loaded ??= exchanges.of?.();
    return exchanges.of === undefined ? undefined : loaded;
  } catch {
    return undefined; // no binding to the system here
  }
}

/**
 * Puts a fresh file at the path of another one, in one step for everybody who looks, and keeps the other one: returns the
 * path at which it lies now. Undefined where the system or the file system has no such step; nothing has happened then.
 *
 * @throws the system's error: `ENOENT` when nothing stands at the path.
 */
export function exchange(fresh: string, path: string): string | undefined {
  const found = implementation();
  if (found === undefined) return undefined;
  try {
    return outlastUse(() => found.swap(fresh, path));
  } catch (error) {
    if (WITHOUT.includes(systemCode(error) ?? '')) return undefined;
    throw error;
  }
}

/**
 * Gives a fresh file a name that must be free, in one step for everybody who looks. Dying within leaves it under both
 * names. @throws the system's error: `EEXIST` when something stands there.
 */
export function moveToFreeName(fresh: string, path: string): void {
  try {
    outlastUse(() => linkSync(fresh, path));
  } catch (error) {
    const found = implementation();
    if (found?.move === undefined || !WITHOUT.includes(systemCode(error) ?? '')) throw error;
    found.move(fresh, path); // a file system without links
    return;
  }
  unlinkQuietly(fresh); // what is left of it has the text of the file, and is swept
}
