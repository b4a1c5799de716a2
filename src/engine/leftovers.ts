import { existsSync } from 'node:fs';
import type { Engine, Leftover } from './engine.ts';
import { slotsAt } from './file/permits.ts';
import { kernelEngine } from './kernel/kernel.ts';
import { nestedPath } from './nested.ts';
import { portableEngine } from './portable/portable.ts';

/** What any engine left at a lock, and at those that are nested in it. */
export function leftovers(path: string): Leftover[] {
  const here = [kernelEngine, portableEngine()].flatMap((engine) => found(engine, path));
  const nested = [path, ...slotsAt(path)].map(nestedPath);
  const used = nested.filter((each) => existsSync(each) || existsSync(`${each}.queue`));
  return [...here, ...used.flatMap(leftovers)];
}

function found(engine: Engine, path: string): Leftover[] {
  try {
    return engine.leftovers(path);
  } catch {
    return []; // no kernel lock on this platform, so none of its files either
  }
}
