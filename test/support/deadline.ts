/**
 * How long a step may take, in milliseconds, before it counts as hanging. A step that starts a whole test runner takes 2 s
 * on a quiet machine, and has taken 20 where thirty others wanted the processor.
 */
export const HANGING = 120_000;

/** The promise, or an error that says what never happened. Catches hangs; no test should ever get near the limit. */
export function within<T>(promise: Promise<T>, what: string, ms = HANGING): Promise<T> {
  let timer: NodeJS.Timeout;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: nothing happened for ${ms} ms`)), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** A promise that is settled from outside. */
export function gate<T = void>(): { readonly opened: Promise<T>; readonly open: (value: T) => void } {
  let open: (value: T) => void = () => {};
  const opened = new Promise<T>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}
