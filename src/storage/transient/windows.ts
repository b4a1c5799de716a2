/** The same, and what Windows answers while a reader, an indexer or a scanner has the file open. */
export const TRANSIENT: readonly string[] = ['EACCES', 'EBUSY', 'EMFILE', 'ENFILE', 'ENOTEMPTY', 'EPERM'];
