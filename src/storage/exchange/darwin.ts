import { native } from '../../binding/index.ts';
import { type Exchange, throwErrno } from './exchange.ts';

const RENAME_SWAP = 2;
const RENAME_EXCL = 4;

/** renamex_np(2), which APFS has. */
export function darwinExchange(): Exchange {
  const koffi = native();
  const renamex = koffi
    .load(null)
    .func('int renamex_np(const char *fresh, const char *path, uint32_t flags)');
  const rename = (fresh: string, path: string, flags: number) => {
    if (renamex(fresh, path, flags) !== 0) throwErrno(koffi, 'renamex_np', path);
  };
  return {
    swap: (fresh, path) => {
      rename(fresh, path, RENAME_SWAP);
      return fresh;
    },
    move: (fresh, path) => rename(fresh, path, RENAME_EXCL),
  };
}
