export { type Abandoned, abandonClaim } from './portable/portable.ts';

import { type Choice, choice } from './choice/choice.ts';

export { explainChoice } from './choice/choice.ts';
export { refuseGrant } from './choice/route.ts';
export type {
  Contract,
  Degradation,
  Engine,
  EngineName,
  Grant,
  Inspection,
  LockRequest,
  Mode,
  RecordedChild,
  WaiterInfo,
  Waiting,
} from './engine.ts';

/** What every lock of this machine goes through: the engine that is right for it. */
export const engine: Choice = choice;
