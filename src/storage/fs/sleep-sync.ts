/** Nobody else knows it, so nobody wakes who waits on it. */
const never = new Int32Array(new SharedArrayBuffer(4));

/**
 * Blocks this thread for so many milliseconds, fractions included. Nothing else runs on it meanwhile, so this is only for
 * callers that cannot wait otherwise: for a synchronous API, or for an instant.
 */
export function sleepSync(ms: number): void {
  Atomics.wait(never, 0, 0, ms);
}
