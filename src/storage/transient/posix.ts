/** Errors that pass by themselves: somebody else is at it, or a resource is short for a moment. */
export const TRANSIENT: readonly string[] = [
  'EAGAIN',
  'EBUSY',
  'EINTR',
  'EMFILE',
  'ENFILE',
  'ENOLCK',
  'ESTALE',
];
