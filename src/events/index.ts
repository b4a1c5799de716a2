export { AuditLog, type AuditOptions } from './audit.ts';
export { type LockEvent, type LockEventName, type LockEvents, onLockEvent } from './channel.ts';
export { LockStatistics, type StatisticsSnapshot } from './statistics.ts';
