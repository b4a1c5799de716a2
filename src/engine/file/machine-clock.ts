import { readFileSync } from 'node:fs';
import { hrtime } from '../../time/time.ts';

let offset: bigint | undefined;

/**
 * Monotonic nanoseconds that all processes of one machine and boot agree on, also those whose time namespace shifts
 * their clock: what the kernel added there is taken off. Where it does not tell, what the process sees.
 */
export function machineClock(): bigint {
  offset ??= offsetIn(offsets());
  return hrtime() - offset;
}

/** time_namespaces(7): one line a clock, with seconds and nanoseconds. */
export function offsetIn(text: string): bigint {
  const [, seconds = '0', nanoseconds = '0'] = /^monotonic\s+(-?\d+)\s+(\d+)\s*$/m.exec(text) ?? [];
  return BigInt(seconds) * 1_000_000_000n + BigInt(nanoseconds);
}

function offsets(): string {
  try {
    return readFileSync('/proc/self/timens_offsets', 'latin1');
  } catch {
    return ''; // another platform, or a kernel without time namespaces
  }
}
