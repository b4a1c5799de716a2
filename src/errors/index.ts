export type { HolderRecord } from '../identity/holder.ts';
export { BackupError } from './backup-error.ts';
export { type ErrorCode, HoldfastError } from './base.ts';
export {
  CacheDirectoryError,
  CorruptEntryError,
  FetchFailedError,
  type FetchFailure,
  MirrorError,
  NotCachedError,
  ProducerError,
} from './cache-errors.ts';
export {
  DownloadError,
  type DownloadFacts,
  IncompleteError,
  IntegrityError,
  type IntegrityFacts,
  NoSpaceError,
} from './content-errors.ts';
export {
  ConflictError,
  type ConflictFacts,
  DamagedError,
  DocumentStateError,
  DocumentWriteError,
  InvalidValueError,
  MissingDocumentError,
  RecordError,
  SchemaTimeoutError,
  SchemaTooNewError,
  UnreadableError,
} from './document-errors.ts';
export { InputError } from './input-error.ts';
export { JsonSyntaxError, PathNotFoundError, PathSyntaxError, type TextPlace } from './json-errors.ts';
export {
  BusyError,
  type ContentionError,
  type ContentionFacts,
  ContractError,
  type ContractFacts,
  DeadlockError,
  DegradedError,
  EngineMismatchError,
  type EngineName,
  ExhaustedError,
  LockError,
  type LockFacts,
  type LossReason,
  LostError,
  type OwnHold,
  PermitsError,
  RefusedError,
  TimeoutError,
  UnsupportedError,
  UnwritableError,
} from './lock-errors.ts';
export {
  BackgroundError,
  type FailedRun,
  type Failure,
  InaccessibleError,
  NoResultError,
  NotStoppedError,
  type ObstacleToStop,
  OnceAbandonedError,
  OnceFailedError,
  OnceInsideError,
  OnceStoppedError,
  UnrecordedError,
} from './once-errors.ts';
export { RulesError, type RulesPlace } from './rules-error.ts';
