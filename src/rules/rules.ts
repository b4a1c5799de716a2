import type { Mode } from '../engine/index.ts';
import type { RulesPlace } from '../errors/rules-error.ts';
import type { Pattern } from './pattern.ts';

/** What to do when a lock is busy: end at once, wait for it, or say so and run without it. */
export const POLICIES = ['fail', 'wait', 'warn'] as const;
export type Policy = (typeof POLICIES)[number];

/** Who meets at the locks: all programs of the user, those in this project, or the whole machine. */
export const SCOPES = ['user', 'project', 'system'] as const;
export type Scope = (typeof SCOPES)[number];

/** What becomes of commands that no operation matches. */
export const UNMATCHED = ['allow', 'warn', 'refuse'] as const;
export type Unmatched = (typeof UNMATCHED)[number];

/** What an operation says about itself, or takes over from the defaults of its file. */
export interface Settings {
  readonly policy?: Policy | undefined;
  /** Longest wait in milliseconds, for the policy `wait`; without it, there is no limit. */
  readonly timeout?: number | undefined;
  /** The exit code when a lock was not granted; without it, 75 at once and 124 after a wait. */
  readonly exitCode?: number | undefined;
  /** What those are told who meet a busy lock; may hold captures. */
  readonly message?: string | undefined;
  readonly scope?: Scope | undefined;
  /** Options of the guarded tools whose value is an argument of its own. */
  readonly valueOptions?: readonly string[] | undefined;
}

/** One resource an operation uses; the name may hold captures, such as `package-<name>`. */
export interface Use {
  readonly resource: string;
  readonly mode: Mode;
  readonly place: RulesPlace;
}

/** One rule: which commands it is about, and what they lock. */
export interface Operation {
  readonly name: string;
  readonly place: RulesPlace;
  readonly patterns: readonly Pattern[];
  /** With the global lock of its file, unless it uses none. */
  readonly uses: readonly Use[];
  /** Whether it says `uses: none`. */
  readonly unguarded: boolean;
  /** The operations that its commands run in turn, under their own locks. */
  readonly calls: readonly { readonly operation: string; readonly place: RulesPlace }[];
  readonly settings: Settings;
  /** The file that defines it, absolute. */
  readonly source: string;
  /** The directory that the scope `project` means; undefined: the project around the working directory. */
  readonly project: string | undefined;
}

/** A resource that a file declares. */
export interface Resource {
  readonly name: string;
  readonly place: RulesPlace;
  readonly description?: string | undefined;
  /** The data file that is locked, as an absolute path; without it, the name is. */
  readonly file?: string | undefined;
}

/** All the rules that apply somewhere, in the order in which they are tried. */
export interface Rules {
  /** The files they come from, in the order in which they were read. */
  readonly files: readonly string[];
  readonly operations: readonly Operation[];
  readonly resources: readonly Resource[];
  readonly unmatched: Unmatched;
}
