import { placeText, type RulesPlace } from '../errors/rules-error.ts';
import { didYouMean } from '../errors/suggest.ts';
import { possibleDeadlocks } from './deadlocks.ts';
import { directoryOf } from './decide.ts';
import { isCovered, type PlacedPattern } from './language.ts';
import type { Operation, Rules } from './rules.ts';
import type { PathOf } from './wait-graph.ts';

/** Something in the rules that is allowed, but hardly meant. */
export interface Finding {
  readonly kind:
    | 'never-matches'
    | 'unknown-resource'
    | 'unknown-operation'
    | 'uses-nothing'
    | 'scopes-differ'
    | 'always-refused'
    | 'deadlock'
    | 'search-ended';
  readonly place: RulesPlace;
  readonly problem: string;
}

/** All findings, in the order of the rules. */
export function checkRules(rules: Rules, pathOf: PathOf): Finding[] {
  return [
    ...neverMatching(rules),
    ...rules.operations.flatMap((operation) => [
      ...unknownResources(rules, operation),
      ...callsOf(rules, operation),
      ...usesNothing(operation),
    ]),
    ...differentScopes(rules),
    ...deadlocks(rules, pathOf),
  ];
}

function deadlocks(rules: Rules, pathOf: PathOf): Finding[] {
  const { found, isComplete } = possibleDeadlocks(rules, pathOf);
  const advice = 'let the outer operation use both, or the inner one have policy: fail';
  const findings: Finding[] = found.map(({ place, steps }) => ({
    kind: 'deadlock',
    place,
    problem: `can deadlock: ${steps.join(', while ')}; ${advice}`,
  }));
  const [first] = rules.operations;
  if (isComplete || first === undefined) return findings;
  const problem =
    'operations call each other in more ways than could be searched: there may be more deadlocks';
  return [...findings, { kind: 'search-ended', place: first.place, problem }];
}

function neverMatching({ operations }: Rules): Finding[] {
  const findings: Finding[] = [];
  const earlier: (PlacedPattern & { readonly operation: Operation })[] = [];
  for (const operation of operations) {
    for (const pattern of operation.patterns) {
      const placed = {
        operation,
        pattern,
        directory: directoryOf(operation),
        valueOptions: operation.settings.valueOptions ?? [],
      };
      if (isCovered(placed, earlier)) {
        const by = earlier.find((each) => isCovered(placed, [each]))?.operation;
        findings.push({ kind: 'never-matches', place: operation.place, problem: shadowed(placed, by) });
      }
      earlier.push(placed);
    }
  }
  return findings;
}

function shadowed(
  { operation, pattern }: PlacedPattern & { readonly operation: Operation },
  by?: Operation,
): string {
  const where =
    by === undefined ? 'earlier operations together match' : `${by.name} (${placeText(by.place)}) matches`;
  const text = JSON.stringify(pattern.text);
  return `${operation.name} is never reached by ${text}: ${where} all such commands first; the first match counts`;
}

function unknownResources({ resources }: Rules, { uses }: Operation): Finding[] {
  const known = resources.map(({ name }) => name);
  if (known.length === 0) return []; // a file that declares none leaves it at that
  return uses
    .filter(({ resource }) => !known.includes(resource))
    .map(({ resource, place }) => ({
      kind: 'unknown-resource' as const,
      place,
      problem: `${JSON.stringify(resource)} is not among the resources${didYouMean(resource, known)}`,
    }));
}

function callsOf({ operations }: Rules, operation: Operation): Finding[] {
  return operation.calls.flatMap(({ operation: name, place }): Finding[] => {
    const called = operations.find((each) => each.name === name);
    if (called === undefined) {
      const hint = didYouMean(
        name,
        operations.map((each) => each.name),
      );
      return [
        { kind: 'unknown-operation', place, problem: `there is no operation ${JSON.stringify(name)}${hint}` },
      ];
    }
    return called.uses
      .filter(({ resource, mode }) => mode === 'exclusive' && modeOf(operation, resource) === 'shared')
      .map(({ resource }) => ({
        kind: 'always-refused' as const,
        place,
        problem: `${operation.name} holds ${resource} shared and calls ${name}, which needs it exclusive and is always refused; let ${operation.name} use it exclusive`,
      }));
  });
}

function modeOf({ uses }: Operation, resource: string): string | undefined {
  const modes = uses.filter((use) => use.resource === resource).map(({ mode }) => mode);
  return modes.includes('exclusive') ? 'exclusive' : modes[0];
}

function usesNothing({ name, place, uses, unguarded }: Operation): Finding[] {
  if (uses.length > 0 || unguarded) return [];
  return [
    { kind: 'uses-nothing', place, problem: `${name} uses no resource; write uses: none if that is meant` },
  ];
}

/** Where a file's lock lies does not depend on a scope. */
function differentScopes({ operations, resources }: Rules): Finding[] {
  const files = resources.flatMap(({ name, file }) => (file === undefined ? [] : name));
  const first = new Map<string, Operation>();
  return operations.flatMap((operation) =>
    operation.uses.flatMap(({ resource, place }): Finding[] => {
      const other = first.get(resource) ?? operation;
      first.set(resource, other);
      const [scope, before] = [scopeOf(operation), scopeOf(other)];
      if (scope === before || files.includes(resource)) return [];
      const problem = `${resource} is of the scope ${scope} in ${operation.name} and of the scope ${before} in ${other.name}: they do not exclude each other`;
      return [{ kind: 'scopes-differ', place, problem }];
    }),
  );
}

function scopeOf({ settings }: Operation): string {
  return settings.scope ?? 'user';
}
