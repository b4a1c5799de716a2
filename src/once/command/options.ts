import type { OnceOptions } from '../options.ts';

/** What the run of a command is made with. Spans in milliseconds. */
export interface CommandOptions
  extends Pick<OnceOptions, 'ttl' | 'failureTtl' | 'attempts' | 'inputs' | 'scope' | 'directory'> {
  /** A shell command that succeeds while a recorded success still holds. */
  readonly validate?: string | undefined;
  /** How long the command has to end when it is to stop, until what is left of its process group is killed. Default 10 s. */
  readonly grace?: number | undefined;
}

/** A call that is to be made in the background. */
export interface BackgroundCall extends CommandOptions {
  readonly id: string;
  readonly words: readonly [string, ...string[]];
}
