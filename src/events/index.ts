export { AuditLog, type AuditOptions } from './audit.ts';
export {
  type CacheEvent,
  type CacheEventName,
  type CacheEvents,
  type EntryEvent,
  onCacheEvent,
} from './cache-channel.ts';
export { type LockEvent, type LockEventName, type LockEvents, onLockEvent } from './channel.ts';
export {
  type DocumentChannelEventName,
  type DocumentChannelEvents,
  type DocumentDetailEvent,
  type DocumentEvent,
  onDocumentEvent,
} from './document-channel.ts';
export { LockStatistics, type StatisticsSnapshot } from './statistics.ts';
