import type { Engine, Leftover } from './engine.ts';
import { kernelEngine } from './kernel/kernel.ts';
import { portableEngine } from './portable/portable.ts';

/** What any engine left at a lock. */
export function leftovers(path: string): Leftover[] {
  return [kernelEngine, portableEngine()].flatMap((engine) => found(engine, path));
}

function found(engine: Engine, path: string): Leftover[] {
  try {
    return engine.leftovers(path);
  } catch {
    return []; // no kernel lock on this platform, so none of its files either
  }
}
