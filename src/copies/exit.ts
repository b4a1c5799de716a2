import { shared } from './shared.ts';

/** One listener for all, however many copies of the package there are: Node.js warns of more than ten. */
function listen(): Set<() => void> {
  const all = new Set<() => void>();
  process.once('exit', () => {
    callAll(all);
  });
  return all;
}

/** All of them, whatever one of them throws, which is thrown afterwards. */
export function callAll(callbacks: Iterable<() => void>): void {
  let failure: { readonly error: unknown } | undefined;
  for (const callback of callbacks) {
    try {
      callback();
    } catch (error) {
      failure ??= { error };
    }
  }
  if (failure !== undefined) throw failure.error;
}

/** Calls back when the process, or worker, exits. */
export function onExit(callback: () => void): void {
  shared('exit', listen).add(callback);
}
