import { printable } from '../../errors/describe.ts';

/** That a failure is its own caller's alone, in words. */
export function unrecordedFailure(id: string, why: string): string {
  return `${printable(id)}: that it failed could not be recorded, so those who wait for it run it again: ${why}`;
}
