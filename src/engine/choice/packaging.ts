import type { Surroundings } from './surroundings.ts';

/** Stable, so that a program can have `node --disable-warning=HOLDFAST_BINDING`. */
const CODE = 'HOLDFAST_BINDING';

let warned = false;

/**
 * Warns, once in the life of this thread, where the kernel's lock is missing on a platform that has one: that is a fault of
 * how the program was put together, which nobody would notice from locks that work, and are worth less.
 */
export function warnOfPackaging({ exclusion }: Surroundings, detail: string): void {
  if (warned || exclusion.cure === undefined) return;
  warned = true;
  process.emitWarning(detail, { type: 'HoldfastWarning', code: CODE });
}
