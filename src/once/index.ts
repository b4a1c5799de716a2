export type { Input } from './inputs.ts';
export type { RunContext } from './job.ts';
export { once } from './once.ts';
export type { OnceOptions } from './options.ts';
export type { Scope } from './scope.ts';
