import type { Limits } from './limits.ts';

/** For systems on which nothing of this is known. */
export const generic: Limits = {
  forbidCore: () => false,
  withOwnDescriptorLimit: (call) => call(),
  ownDescriptorLimit: () => undefined,
  adoptDescriptorLimit: () => {},
};
