import type { ProcessFacts } from './system.ts';

/** A platform whose process facts Holdfast does not read: nothing is known, so nothing is ever concluded. */
export const generic: ProcessFacts = {
  bootId: () => '',
  pidNamespace: () => undefined,
  startTime: () => undefined,
  isStopped: () => undefined,
  commandOf: () => undefined,
};
