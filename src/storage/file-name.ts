/** Bytes of a file name that every file system in use takes: eCryptfs, which encrypts names, takes no more. */
export const LONGEST_NAME = 143;

/** The same for a lock file, from whose name others are derived. It is a fixed rule: all derive the same, wherever they try. */
export const LONGEST_LOCK_NAME = LONGEST_NAME - '.permits'.length;
