/** What a wrapper says of itself in its last line, as JSON. */
export interface Wrapper {
  readonly tool: string;
  /** Where it lies, absolute. */
  readonly directory: string;
  /** The rules, absolute. */
  readonly files: readonly string[];
}
