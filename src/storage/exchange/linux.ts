import { native } from '../../binding/index.ts';
import { type Exchange, throwErrno } from './exchange.ts';

const AT_FDCWD = -100;
const RENAME_NOREPLACE = 1;
const RENAME_EXCHANGE = 2;

/** renameat2(2) by number, for not every C library has a name for it. */
const RENAMEAT2: Partial<Record<NodeJS.Architecture, number>> = {
  arm: 382,
  arm64: 276,
  ia32: 353,
  loong64: 276,
  ppc64: 357,
  riscv64: 276,
  x64: 316,
};

export function linuxExchange(): Exchange {
  const koffi = native();
  const number = RENAMEAT2[process.arch];
  if (number === undefined) throw new Error(`the number of renameat2 is not known on ${process.arch}`);
  const syscall = koffi
    .load(null)
    .func('long syscall(long number, int from, const char *fresh, int to, const char *path, uint32_t flags)');
  const rename = (fresh: string, path: string, flags: number) => {
    if (Number(syscall(number, AT_FDCWD, fresh, AT_FDCWD, path, flags)) !== 0)
      throwErrno(koffi, 'renameat2', path);
  };
  return {
    swap: (fresh, path) => {
      rename(fresh, path, RENAME_EXCHANGE);
      return fresh;
    },
    move: (fresh, path) => rename(fresh, path, RENAME_NOREPLACE),
  };
}
