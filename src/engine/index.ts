import type { Engine } from './engine.ts';
import { kernelEngine } from './kernel/kernel.ts';

export type {
  Contract,
  Degradation,
  Engine,
  Grant,
  Inspection,
  LockRequest,
  Mode,
  Waiting,
} from './engine.ts';

/** The engine every lock of this machine uses. */
export const engine: Engine = kernelEngine;
