import type { Lock } from '../lock/lock.ts';

/** The outcome of a recipe, or the loss of the lock that it holds up, whichever comes first. */
export function unlessLost<R>(promise: PromiseLike<R>, { signal }: Lock): Promise<R> {
  return new Promise((resolve, reject) => {
    const lose = () => reject(signal.reason);
    if (signal.aborted) lose();
    signal.addEventListener('abort', lose);
    promise.then(resolve, reject);
    void Promise.resolve(promise).then(
      () => signal.removeEventListener('abort', lose),
      () => signal.removeEventListener('abort', lose),
    );
  });
}
