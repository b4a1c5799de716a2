/** What a command that is started gets besides its words. */
export interface StartOptions {
  readonly stdio: readonly ('inherit' | 'ignore' | 'pipe' | number)[];
  readonly env: NodeJS.ProcessEnv;
  readonly detached?: true;
}
