import { dirname } from 'node:path';
import type { Mode } from '../engine/index.ts';
import { type Captured, type Command, matchPattern } from './match.ts';
import { fillIn, type Pattern } from './pattern.ts';
import type { Operation, Rules } from './rules.ts';

/** One lock that a command needs. */
export interface PlannedLock {
  readonly resource: string;
  readonly target: { readonly name: string } | { readonly file: string };
  readonly mode: Mode;
}

/** The rule a command falls under. */
export interface Decision {
  readonly operation: Operation;
  readonly pattern: Pattern;
  readonly captured: Captured;
  /** Each resource once, in the stronger mode. */
  readonly locks: readonly PlannedLock[];
}

/** The first operation with a pattern that matches; undefined when there is none. */
export function decide(rules: Rules, command: Command): Decision | undefined {
  for (const operation of rules.operations) {
    for (const pattern of operation.patterns) {
      const captured = matchPattern(
        pattern,
        command,
        directoryOf(operation),
        operation.settings.valueOptions,
      );
      if (captured !== undefined)
        return { operation, pattern, captured, locks: plan(rules, operation, captured) };
    }
  }
  return undefined;
}

/** What the paths of an operation's patterns are relative to. */
export function directoryOf({ source }: Operation): string {
  return dirname(source);
}

function plan(rules: Rules, { uses }: Operation, captured: Captured): PlannedLock[] {
  const locks = new Map<string, PlannedLock>();
  for (const { resource, mode } of uses) {
    for (const name of fillIn(resource, captured)) {
      const stronger = locks.get(name)?.mode === 'exclusive' ? 'exclusive' : mode;
      locks.set(name, { resource: name, target: targetOf(rules, name), mode: stronger });
    }
  }
  return [...locks.values()];
}

function targetOf({ resources }: Rules, name: string): PlannedLock['target'] {
  const file = resources.find((resource) => resource.name === name)?.file;
  return file === undefined ? { name } : { file };
}
