export { DocumentTimeoutError } from '../errors/document-errors.ts';
export type { Backup } from './backups/backups.ts';
export type { DocumentConflict } from './batch.ts';
export { type ConflictMeta, conflictFiles, conflictMeta, dropConflict } from './conflicts.ts';
export type { Document } from './document.ts';
export type { Recipe } from './draft.ts';
export type { DocumentEventName, DocumentEvents } from './events.ts';
export { openDocument } from './open.ts';
export type { DocumentOptions, Migration } from './options.ts';
export type { Restored } from './recovery/recovery.ts';
export { restoreBackup } from './recovery/restore.ts';
export {
  type Entry,
  type RecordId,
  Repository,
  type RepositoryOptions,
} from './repository/repository.ts';
export { type Answers, type Choice, canKeepBoth, resolvedValue } from './resolver/choose.ts';
export { type Resolved, resolveConflict } from './resolver/resolve.ts';
export { type OpenConflict, type Unresolved, unresolvedConflicts } from './resolver/unresolved.ts';
export type { StandardSchema } from './schema.ts';
export { type UpdateFileOptions, updateFile, updateJson } from './update-file.ts';
