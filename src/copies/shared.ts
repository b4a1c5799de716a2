/** Raise it when the shape of anything that is shared changes: copies of other versions are met as other processes are. */
const VERSION = 1;
const KEY = Symbol.for(`holdfast/shared/${VERSION}`);

type Shared = Map<string, unknown>;

/**
 * What all copies of this package in one thread have in common: made by the first of them, and found by the others. Two
 * dependants may each bring a copy, and a lock that one of them holds is held by the thread all the same.
 *
 * What is shared outlives the code that made it and is used by code of another copy, so it is data, or an interface with
 * its own methods; `instanceof` and private fields do not work across copies.
 */
export function shared<T>(name: string, make: () => T): T {
  const all = sharedByAll();
  if (!all.has(name)) all.set(name, make());
  return all.get(name) as T;
}

function sharedByAll(): Shared {
  const found: Shared | undefined = Reflect.get(globalThis, KEY);
  if (found !== undefined) return found;
  const made: Shared = new Map();
  Object.defineProperty(globalThis, KEY, { value: made });
  return made;
}
