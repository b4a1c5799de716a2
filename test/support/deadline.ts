/** How long a step that should take milliseconds may take before it counts as hanging. */
export const HANGING = 20_000;

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
