import { dirname, resolve } from 'node:path';
import type { Mode } from '../engine/index.ts';
import { InputError } from '../errors/input-error.ts';
import { parseDuration } from '../lock/duration.ts';
import { capturesIn, type Pattern, PatternError, parsePattern } from './pattern.ts';
import {
  type Operation,
  POLICIES,
  type Resource,
  SCOPES,
  type Settings,
  UNMATCHED,
  type Unmatched,
  type Use,
} from './rules.ts';
import type { Value } from './value.ts';

/** What one file says, before anything it includes. */
export interface RulesFile {
  readonly includes: readonly Value[];
  readonly operations: readonly Operation[];
  readonly resources: readonly Resource[];
  readonly unmatched: Unmatched | undefined;
  /** What the files it includes take over. */
  readonly inherited: Inherited;
}

/** What a file takes over from the file that includes it. */
export interface Inherited {
  readonly settings: Settings;
  readonly global: Use | undefined;
  /** The directory of the outermost file; undefined for the user's own, which is for every project. */
  readonly project: string | undefined;
}

const SETTINGS = ['policy', 'timeout', 'exit-code', 'message', 'scope', 'value-options'] as const;
const MODES = ['exclusive', 'shared'] as const;
const NONE = 'none';

/** @throws {RulesError} naming the first place that makes no sense. */
export function readFile(root: Value, inherited: Inherited): RulesFile {
  if (root.isNothing) return { includes: [], operations: [], resources: [], unmatched: undefined, inherited };
  const keys = ['include', 'resources', 'defaults', 'global', 'operations'] as const;
  const { include, resources, defaults, global, operations } = root.fields(keys, 'a mapping with operations');
  const fields = defaults?.fields([...SETTINGS, 'unmatched']);
  const own: Inherited = {
    ...inherited,
    settings: { ...inherited.settings, ...(fields === undefined ? {} : readSettings(fields)) },
    global: global === undefined ? inherited.global : exclusive(global),
  };
  if (global !== undefined && capturesIn(global.text()).length > 0) {
    throw global.error('a lock for all operations cannot hold captures');
  }
  if (own.settings.message !== undefined && capturesIn(own.settings.message).length > 0) {
    throw (fields?.message ?? root).error('a message for all operations cannot hold captures');
  }
  return {
    includes: include?.oneOrMore() ?? [],
    resources: (resources?.entries() ?? []).map(([name, value]) => readResource(name, value)),
    operations: (operations?.entries() ?? []).map(([name, value]) => readOperation(name, value, own)),
    unmatched: fields?.unmatched?.oneOf(UNMATCHED),
    inherited: own,
  };
}

function readResource(key: Value, value: Value): Resource {
  const named = { name: key.text(), place: key.place };
  if (value.isNothing) return named;
  if (value.isText) return { ...named, description: value.text() };
  const { description, file } = value.fields(['description', 'file'], 'a description, or a mapping');
  if (file !== undefined && capturesIn(`${named.name}${file.text()}`).length > 0) {
    throw file.error('a resource that is a file cannot hold captures');
  }
  return {
    ...named,
    ...(description === undefined ? {} : { description: description.text() }),
    ...(file === undefined ? {} : { file: resolve(dirname(key.source.path), file.text('a path')) }),
  };
}

function readOperation(key: Value, value: Value, { settings, global, project }: Inherited): Operation {
  const name = key.text();
  const short = value.isText || value.isList;
  const fields = short
    ? { command: value }
    : value.fields(['command', 'uses', 'calls', ...SETTINGS], 'a command, or a mapping with one');
  const { command, uses, calls } = fields;
  if (command === undefined) throw key.error(`the operation ${JSON.stringify(name)} needs a command`);
  const own = { ...settings, ...readSettings(fields) };
  if (fields.timeout !== undefined && own.policy !== 'wait') {
    throw fields.timeout.error('a timeout is for the policy wait only; set policy: wait, or leave it out');
  }
  const unguarded = uses?.isText === true && uses.text() === NONE;
  const patterns = command.oneOrMore().map((each) => readPattern(each));
  const named = uses === undefined || unguarded ? [] : readUses(uses);
  for (const use of named) checkCaptures(use.resource, patterns, use.at);
  if (own.message !== undefined) checkCaptures(own.message, patterns, fields.message ?? key);
  return {
    name,
    place: key.place,
    source: key.source.path,
    patterns,
    uses: unguarded
      ? []
      : [...(global === undefined ? [] : [global]), ...named.map(({ at: _, ...use }) => use)],
    unguarded,
    calls: (calls?.oneOrMore() ?? []).map((each) => ({ operation: each.text(), place: each.place })),
    settings: own,
    project,
  };
}

type Fields = { readonly [K in (typeof SETTINGS)[number]]?: Value };

function readSettings(fields: Fields): Settings {
  const { policy, timeout, message, scope } = fields;
  const exitCode = fields['exit-code'];
  const valueOptions = fields['value-options'];
  return {
    ...(policy === undefined ? {} : { policy: policy.oneOf(POLICIES) }),
    ...(timeout === undefined ? {} : { timeout: readDuration(timeout) }),
    ...(exitCode === undefined ? {} : { exitCode: exitCode.wholeNumber(0, 255) }),
    ...(message === undefined ? {} : { message: message.text().trim() }),
    ...(scope === undefined ? {} : { scope: scope.oneOf(SCOPES) }),
    ...(valueOptions === undefined ? {} : { valueOptions: valueOptions.oneOrMore().map(readOption) }),
  };
}

function readDuration(value: Value): number {
  try {
    return parseDuration('timeout', value.text('a duration such as 500ms, 30s or 2m'));
  } catch (error) {
    if (error instanceof InputError) throw value.error(error.message.replace(/\.$/, ''));
    throw error;
  }
}

function readOption(value: Value): string {
  const option = value.text('an option');
  if (/^-[^=\s]+$/.test(option) && option !== '--') return option;
  throw value.error(
    `"value-options" lists options, such as -C or --directory, got ${JSON.stringify(option)}`,
  );
}

function readPattern(value: Value): Pattern {
  const text = value.text('a command pattern');
  try {
    return parsePattern(text);
  } catch (error) {
    if (error instanceof PatternError) throw value.error(error.message, value.indexWithin(error.at));
    throw error;
  }
}

function readUses(uses: Value): (Use & { readonly at: Value })[] {
  const alone = (value: Value) => ({ ...exclusive(value), at: value });
  if (uses.isText || uses.isList) return uses.oneOrMore().map(alone);
  return uses
    .entries('resources with their modes, or none')
    .map(([key, mode]) => ({ ...used(key, mode.oneOf(MODES)), at: key }));
}

function exclusive(name: Value): Use {
  return used(name, 'exclusive');
}

function used(name: Value, mode: Mode): Use {
  return { resource: name.text('the name of a resource'), mode, place: name.place };
}

function checkCaptures(template: string, patterns: readonly Pattern[], at: Value): void {
  for (const name of capturesIn(template)) {
    const without = patterns.find(({ captures }) => !captures.includes(name));
    if (without === undefined) continue;
    throw at.error(`<${name}> is not captured by the pattern ${JSON.stringify(without.text)}`);
  }
}
