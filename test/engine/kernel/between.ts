import { onTestFinished } from 'vitest';
import { syscalls } from '../../../src/engine/kernel/syscalls/index.ts';
import type { Syscalls } from '../../../src/engine/kernel/syscalls/syscalls.ts';

type Call = 'lock' | 'convert' | 'write' | 'close';

/**
 * Another process's step in between: right before the next such call (of those that `when` accepts), once. The calls
 * themselves are the real ones. A test in which it never happens fails.
 */
export function before<C extends Call>(
  call: C,
  step: () => void,
  when: (...args: Parameters<Syscalls[C]>) => boolean = () => true,
): void {
  let happened = false;
  wrap(call, (real, args) => {
    if (!happened && when(...args)) {
      happened = true;
      step();
    }
    return real(...args);
  });
  onTestFinished(() => {
    if (!happened) throw new Error(`There was no call of ${call} to come before`);
  });
}

/** The same after each of these calls, from now on; not within the step itself. */
export function afterEvery(calls: readonly Call[], step: () => void): void {
  aroundEvery(calls, () => {}, step);
}

/** The same before and after each of these calls. */
export function besideEvery(calls: readonly Call[], step: () => void): void {
  aroundEvery(calls, step, step);
}

function aroundEvery(calls: readonly Call[], before: () => void, after: () => void): void {
  let within = false;
  const once = (step: () => void) => {
    if (within) return;
    within = true;
    step();
    within = false;
  };
  for (const call of calls) {
    wrap(call, (real, args) => {
      once(before);
      const result = real(...args);
      once(after);
      return result;
    });
  }
}

type Real<C extends Call> = (...args: Parameters<Syscalls[C]>) => ReturnType<Syscalls[C]>;

function wrap<C extends Call>(
  call: C,
  wrapper: (real: Real<C>, args: Parameters<Syscalls[C]>) => ReturnType<Syscalls[C]>,
): void {
  const system = syscalls();
  const real = system[call] as unknown as Real<C>;
  Object.assign(system, { [call]: (...args: Parameters<Syscalls[C]>) => wrapper(real, args) });
  onTestFinished(() => void Object.assign(system, { [call]: real }));
}
