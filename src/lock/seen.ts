import type { Inspection } from '../engine/engine.ts';
import { engine } from '../engine/index.ts';

const UNSEEN: Inspection = { state: 'exclusive', holders: [], waiters: [], name: undefined };

/** A lock as a message or an event tells of it. Where nothing can be seen of it, it is not called free. */
export function seen(path: string): Inspection {
  try {
    return engine.inspect(path);
  } catch {
    return UNSEEN;
  }
}
