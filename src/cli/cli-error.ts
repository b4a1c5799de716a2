import type { ErrorCode } from '../errors/base.ts';

/** The codes of errors that the library does not know. */
type OwnCode =
  | 'HOLDFAST_LEFT_ALONE'
  | 'HOLDFAST_UNCONFIRMED'
  | 'HOLDFAST_NOT_STARTED'
  | 'HOLDFAST_OUTPUT_INCOMPLETE'
  | 'HOLDFAST_NO_BACKUP'
  | 'HOLDFAST_UNMATCHED';

/** A command's end that has its own exit code. */
export class CliError extends Error {
  readonly exitCode: number;
  readonly code: ErrorCode | OwnCode;
  /** What `--json` tells on top, or in the place of what it tells of every error. */
  readonly facts: Readonly<Record<string, unknown>>;
  constructor(
    exitCode: number,
    code: CliError['code'],
    message: string,
    facts: Readonly<Record<string, unknown>> = {},
  ) {
    super(message);
    this.exitCode = exitCode;
    this.code = code;
    this.facts = facts;
  }
}
