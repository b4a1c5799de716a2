import { Contender as KernelContender } from '../../src/engine/kernel/contender.ts';
import { Contender as PortableContender } from '../../src/engine/portable/contender.ts';

let looks = 0;

for (const { prototype } of [KernelContender, PortableContender] as { prototype: object }[]) {
  for (const name of ['tryOnce', 'isFree']) {
    const look: () => unknown = Reflect.get(prototype, name);
    Reflect.set(prototype, name, function (this: object) {
      looks++;
      return look.call(this);
    });
  }
}

/** How often this thread looked at a lock so far: each try to take one, and each question whether it is free. */
export function looksTaken(): number {
  return looks;
}
