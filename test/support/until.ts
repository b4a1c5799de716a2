import { readFileSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { processFacts } from '../../src/identity/index.ts';
import { HANGING } from './deadline.ts';

/** Looks again at every turn of the event loop, for what raises no event: the state of another process. */
export async function until(isSo: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadline = performance.now() + HANGING;
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`${what}: it never became so`);
    await setImmediate();
  }
}

/** The process is stopped by a signal: SIGSTOP takes effect some time after it was sent. At once on Windows. */
export function untilStopped(pid: number): Promise<void> {
  return until(() => processFacts.isStopped(pid) !== false, `process ${pid} is stopped`);
}

/** The process sleeps in the kernel function of this name. */
export function untilAsleepIn(pid: number, kernelFunction: string): Promise<void> {
  return until(
    () => readFileSync(`/proc/${pid}/wchan`, 'latin1').includes(kernelFunction),
    `process ${pid} sleeps in ${kernelFunction}`,
  );
}
