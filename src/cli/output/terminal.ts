import { closeSync, writeSync } from 'node:fs';
import { systemCode } from '../../errors/base.ts';

/**
 * Lets go of a terminal that is gone. Node.js restores a terminal's settings on its way out and aborts, with a core dump
 * in place of the exit code, when there is none left to restore.
 */
export function leaveLostTerminal(): void {
  for (const descriptor of [0, 1, 2]) if (isLost(descriptor)) closeSync(descriptor);
}

/** A terminal that hung up refuses even to write nothing; everything else takes that, or was not opened for writing. */
function isLost(descriptor: number): boolean {
  try {
    writeSync(descriptor, '');
    return false;
  } catch (error) {
    return systemCode(error) === 'EIO';
  }
}
