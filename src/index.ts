export type { Contract, Degradation, Mode } from './engine/index.ts';
export * from './errors/index.ts';
export * from './events/index.ts';
export * from './lock/index.ts';
