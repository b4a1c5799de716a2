import type { TermsOptions } from '../../lock/terms.ts';
import type { NamingOptions } from '../settings.ts';

/** What `holdfast run` was asked for. */
export interface RunOptions extends NamingOptions, Pick<TermsOptions, 'engine' | 'require'> {
  readonly shared?: true;
  readonly permits?: number;
  /** False for `--no-wait`. */
  readonly wait: boolean;
  /** Milliseconds. */
  readonly timeout?: number;
  /** Replaces the exit codes of a lock that was not granted. */
  readonly conflictExitCode?: number;
  readonly purpose?: string;
  /** Nothing is said of a wait. */
  readonly quiet?: true;
}
