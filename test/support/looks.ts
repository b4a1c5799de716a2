import { Contender as KernelContender } from '../../src/engine/kernel/contender.ts';
import { Contender as PortableContender } from '../../src/engine/portable/contender.ts';

// They count for the life of the thread, for pure test files share their modules: a later file that imports this gets the
// same module, already run. A look does what it did before; who wants a number compares two of them.
let looks = 0;

for (const { prototype } of [KernelContender, PortableContender] as { prototype: object }[]) {
  for (const name of ['tryOnce', 'isFree']) {
    const look: (...args: unknown[]) => unknown = Reflect.get(prototype, name);
    Reflect.set(prototype, name, function (this: object, ...args: unknown[]) {
      looks++;
      return look.apply(this, args);
    });
  }
}

/** How often this thread looked at a lock so far: each try to take one, and each question whether it is free. */
export function looksTaken(): number {
  return looks;
}
