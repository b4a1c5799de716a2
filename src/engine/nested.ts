import { createHash } from 'node:crypto';
import { basename, dirname, join } from 'node:path';
import { LONGEST_LOCK_NAME } from '../storage/file-name.ts';

const HASH_LENGTH = 20;

/**
 * The lock that commands take which run under a lock already: its nested lock, an ordinary one with a queue of its own,
 * and with a nested lock in its turn.
 */
export function nestedPath(path: string): string {
  const name = basename(path);
  const plain = `${name}.nested`;
  if (Buffer.byteLength(plain) <= LONGEST_LOCK_NAME) return join(dirname(path), plain);
  const hash = createHash('sha256').update(name).digest('hex').slice(0, HASH_LENGTH);
  return join(dirname(path), `.${hash}.nested`);
}
