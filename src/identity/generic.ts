import type { ProcessFacts } from './system.ts';

/** A platform whose process facts Holdfast does not read: nothing is known, so nothing is ever concluded. */
export const generic: ProcessFacts = {
  bootId: () => '',
  machineId: () => undefined,
  pidNamespace: () => undefined,
  timeNamespace: () => undefined,
  startClock: 'boot',
  look: () => undefined,
  isStopped: () => undefined,
  processIds: () => [],
  parentOf: () => undefined,
  groupOf: () => undefined,
  innerId: () => undefined,
  commandOf: () => undefined,
};
