import { setMaxListeners } from 'node:events';
import { shared } from '../copies/shared.ts';
import { queueMicrotask } from '../time/time.ts';

interface Hub {
  readonly callbacks: Set<() => void>;
  readonly listener: () => void;
}

const hubs = shared('abort-hubs', () => new WeakMap<AbortSignal, Hub>());

/**
 * Calls back once when a signal aborts that is not aborted yet; returns a function that calls it off.
 *
 * One listener on the signal serves all, whichever copy of the package they are of, and goes with the last of them:
 * Node.js warns of more than ten, and any number of waits may end with one signal.
 */
export function onAbort(signal: AbortSignal | undefined, callback: () => void): () => void {
  if (signal === undefined) return NOTHING;
  const hub = hubs.get(signal) ?? hubOf(signal);
  const { callbacks, listener } = hub;
  const own = () => callback(); // one that is given twice is called twice
  callbacks.add(own);
  return () => {
    if (!callbacks.delete(own) || callbacks.size > 0 || hubs.get(signal) !== hub) return;
    hubs.delete(signal);
    signal.removeEventListener('abort', listener);
  };
}

const NOTHING = () => {};

function hubOf(signal: AbortSignal): Hub {
  const callbacks = new Set<() => void>();
  const listener = () => {
    hubs.delete(signal); // who comes from here on is too late
    for (const callback of callbacks) runAlone(callback); // but those that are called off meanwhile
  };
  const hub = { callbacks, listener };
  hubs.set(signal, hub);
  signal.addEventListener('abort', listener, { once: true });
  return hub;
}

/** As with listeners of their own: what one throws keeps no other from being called, and is an uncaught error. */
export function runAlone(callback: () => void): void {
  try {
    callback();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}

/** A signal for users, any number of whom may listen. */
export function forMany(signal: AbortSignal): AbortSignal {
  setMaxListeners(0, signal);
  return signal;
}

/** One for users that aborts with the first of these. */
export function anyOf(signals: readonly AbortSignal[]): AbortSignal {
  return forMany(AbortSignal.any([...signals]));
}

/** What a promise brings, unless the signal aborts first: then its reason. What becomes of the promise is nobody's then. */
export async function unlessAborted<T>(
  promise: T | PromiseLike<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  if (signal === undefined) return promise;
  let stopListening = () => {};
  const aborted = new Promise<never>((_resolve, reject) => {
    if (signal.aborted) reject(signal.reason);
    else stopListening = onAbort(signal, () => reject(signal.reason));
  });
  try {
    return await Promise.race([aborted, promise]);
  } finally {
    stopListening();
  }
}
