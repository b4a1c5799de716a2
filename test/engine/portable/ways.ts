import type { Engine, LockRequest } from '../../../src/engine/engine.ts';
import { contender, granted } from '../harness.ts';
import { intercept } from './intercept.ts';

/** Every way in which a lock can be asked for, each with its error. */
export async function refusals(engine: Engine, request: LockRequest): Promise<unknown[]> {
  const ways = [
    () => engine.tryAcquire(request),
    () => engine.acquireSync(request, 0),
    () => granted(contender(engine).wait(request)),
  ];
  const errors: unknown[] = [];
  for (const way of ways) {
    try {
      const grant = await way();
      await grant?.release(); // so that the next way does not wait for it
      errors.push(['granted', grant]);
    } catch (error) {
      errors.push(error);
    }
  }
  return errors;
}

/** Has the directories of readers look empty until the test is over, as an old listing of a network drive may. */
export function listReadersAsOld(): void {
  intercept(
    'readdirSync',
    (original) =>
      ((path: string, ...rest: never[]) =>
        String(path).endsWith('readers') ? [] : original(path, ...rest)) as typeof original,
  );
}
