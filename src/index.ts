export type {
  Abandoned,
  Contract,
  Degradation,
  Mode,
  RecordedChild,
  WaiterInfo,
} from './engine/index.ts';
export * from './errors/index.ts';
export * from './events/index.ts';
export * from './lock/index.ts';
