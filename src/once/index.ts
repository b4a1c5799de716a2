export { type CommandEnd, type EndOptions, type FollowOptions, OnceCommand } from './command/command.ts';
export type { CommandOptions } from './command/options.ts';
export type { Sink, StreamName } from './command/sink.ts';
export type { Input } from './inputs.ts';
export type { RunContext } from './job.ts';
export { once } from './once.ts';
export type { OnceOptions } from './options.ts';
export type { Scope } from './scope.ts';
export type { StateName } from './state.ts';
