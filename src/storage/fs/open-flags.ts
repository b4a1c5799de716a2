import { constants } from 'node:fs';

/** Zero on Windows, which has none of them. */
export const { O_NOFOLLOW = 0, O_NONBLOCK = 0, O_DIRECTORY = 0 } = constants;

/** Follows no link and waits at no FIFO. Added to every open of a path at which others may have put something. */
export const SAFELY = O_NOFOLLOW | O_NONBLOCK;

/** All that an open for reading needs. */
export const READ_SAFELY = constants.O_RDONLY | SAFELY;

/** Linux: with a directory, a file without a name. Elsewhere, opening a directory so is an error. */
export const O_TMPFILE = 0o20000000 | O_DIRECTORY;
