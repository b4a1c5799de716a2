export { isExhaustion } from '../binding/exhaustion.ts';

/** Whether a code of the system says that the disk, or what this user may use of it, is full. */
export function isFull(code: string | undefined): boolean {
  return code === 'ENOSPC' || code === 'EDQUOT';
}
