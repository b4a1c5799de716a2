/** What the system lets a process have. */
export interface Limits {
  /** From now on this process leaves no core when a signal ends it. False where that cannot be had. */
  readonly forbidCore: () => boolean;
  /**
   * Makes a call under the limit of descriptors that this process was started with, which Node.js raises to the
   * utmost, so that what the call starts has it.
   */
  readonly withOwnDescriptorLimit: <T>(call: () => T) => T;
  /** That limit; undefined where it is not known. */
  readonly ownDescriptorLimit: () => number | undefined;
  /** From now on that limit is this one: of a process on whose behalf this one was started. */
  readonly adoptDescriptorLimit: (limit: number | undefined) => void;
}
