export type { HolderRecord } from '../identity/holder.ts';
export { type ErrorCode, HoldfastError } from './base.ts';
export { InputError } from './input-error.ts';
export {
  BusyError,
  ContractError,
  DeadlockError,
  DegradedError,
  EngineMismatchError,
  type EngineName,
  ExhaustedError,
  LockError,
  type LossReason,
  LostError,
  PermitsError,
  RefusedError,
  TimeoutError,
  UnsupportedError,
  UnwritableError,
} from './lock-errors.ts';
export {
  type FailedRun,
  type Failure,
  InaccessibleError,
  OnceAbandonedError,
  OnceFailedError,
  OnceStoppedError,
  UnrecordedError,
} from './once-errors.ts';
export { RulesError, type RulesPlace } from './rules-error.ts';
