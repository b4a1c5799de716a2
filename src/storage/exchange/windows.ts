import { linkSync, unlinkSync } from 'node:fs';
import { native } from '../../binding/index.ts';
import type { Exchange } from './exchange.ts';

const ERROR_FILE_NOT_FOUND = 2;
const ERROR_ACCESS_DENIED = 5;
const ERROR_SHARING_VIOLATION = 32;
const ERROR_UNABLE_TO_MOVE_REPLACEMENT = 1176;
const ERROR_UNABLE_TO_MOVE_REPLACEMENT_2 = 1177;
const ERROR_UNABLE_TO_REMOVE_REPLACED = 1175;

const CODES = new Map([
  [ERROR_FILE_NOT_FOUND, 'ENOENT'],
  [ERROR_ACCESS_DENIED, 'EACCES'],
  [ERROR_SHARING_VIOLATION, 'EBUSY'],
  [ERROR_UNABLE_TO_REMOVE_REPLACED, 'EBUSY'],
  [ERROR_UNABLE_TO_MOVE_REPLACEMENT, 'EBUSY'],
  [ERROR_UNABLE_TO_MOVE_REPLACEMENT_2, 'EBUSY'],
]);

/** Where ReplaceFileW puts the displaced file: beside the fresh one, under a name of its own. */
const displacedName = (fresh: string) => `${fresh.slice(0, -'.tmp'.length)}-displaced.tmp`;

/** ReplaceFileW, which puts the displaced file under a third name. */
export function windowsExchange(): Exchange {
  const kernel32 = native().load('kernel32.dll');
  const replaceFile = kernel32.func(
    'int __stdcall ReplaceFileW(str16 path, str16 fresh, str16 displaced, uint32_t flags, void *exclude, void *reserved)',
  );
  const getLastError = kernel32.func('uint32_t __stdcall GetLastError()');
  return {
    swap: (fresh, path) => {
      const displaced = displacedName(fresh);
      if (replaceFile(path, fresh, displaced, 0, null, null) !== 0) return displaced;
      const error = Number(getLastError());
      // The one failure after which nothing stands at the path: what stood there has its third name by then.
      if (error === ERROR_UNABLE_TO_MOVE_REPLACEMENT_2) putBack(displaced, path);
      const code = CODES.get(error) ?? 'ENOSYS';
      throw Object.assign(new Error(`${code}: ReplaceFileW '${path}' (${error})`), {
        code,
        syscall: 'ReplaceFileW',
        path,
      });
    },
  };
}

/** Unless somebody has put something else there; then the displaced file is found by whoever looks for leftovers. */
function putBack(displaced: string, path: string): void {
  try {
    linkSync(displaced, path);
    unlinkSync(displaced);
  } catch {
    // As above.
  }
}
