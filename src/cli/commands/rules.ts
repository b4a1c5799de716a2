import { Argument, type Command } from 'commander';
import { duration, printable } from '../../errors/describe.ts';
import { placeText } from '../../errors/rules-error.ts';
import { LockManager } from '../../lock/manager.ts';
import { checkRules } from '../../rules/check.ts';
import type { Operation, Rules, Use } from '../../rules/rules.ts';
import { exitCodes } from '../exit-codes.ts';
import { type RulesOptions, rulesFor } from '../guard/options.ts';
import { rulesOption, withGlobalOptions } from '../options.ts';
import { coloursFor } from '../output/colour.ts';
import { printJson } from '../output/json.ts';
import { table } from '../output/table.ts';
import { print } from '../output/text.ts';

const ACTIONS = { check, list };

export function defineRules(program: Command): void {
  withGlobalOptions(program.command('rules'))
    .usage('[options] check|list')
    .summary('check or list the rules of holdfast.yaml')
    .description(
      'Check the rules: what can deadlock, never match, or names something unknown (exit code 1). Or list them.',
    )
    .addArgument(new Argument('<action>', 'what to do').choices(Object.keys(ACTIONS)))
    .addOption(rulesOption())
    .action(async (action: keyof typeof ACTIONS, _options: RulesOptions, command: Command) => {
      const options = command.optsWithGlobals<RulesOptions>();
      ACTIONS[action](await rulesFor(options), options);
    });
}

function check(rules: Rules, { json }: RulesOptions): void {
  const manager = new LockManager();
  const findings = checkRules(rules, (_operation, resource) => {
    const file = rules.resources.find(({ name }) => name === resource)?.file;
    return manager.pathOf(file === undefined ? { name: resource } : { file });
  });
  if (json === true) printJson(findings);
  else {
    for (const { place, problem } of findings) print(`${placeText(place)}: ${printable(problem)}`);
    const { length } = rules.operations;
    const found = findings.length === 0 ? 'nothing found' : `${findings.length} found`;
    print(`${length} operation${length === 1 ? '' : 's'} checked, ${found}`);
  }
  process.exitCode = findings.length === 0 ? exitCodes.success : exitCodes.no;
}

function list({ operations, unmatched }: Rules, { json }: RulesOptions): void {
  if (json === true) {
    printJson({
      unmatched,
      operations: operations.map(({ patterns, uses, ...operation }) => ({
        ...operation,
        commands: patterns.map(({ text }) => text),
        uses: uses.map(({ resource, mode }) => ({ resource, mode })),
      })),
    });
    return;
  }
  const head = ['OPERATION', 'COMMAND', 'USES', 'WHEN BUSY', 'RULE'].map(coloursFor(1).bold);
  print(table([head, ...operations.flatMap(rows)]));
  print(`Commands that no rule matches: ${unmatched}`);
}

function rows({ name, patterns, uses, settings, place }: Operation): string[][] {
  const lines = Math.max(patterns.length, uses.length, 1);
  return Array.from({ length: lines }, (_, at) => [
    at === 0 ? printable(name) : '',
    printable(patterns[at]?.text ?? ''),
    uses[at] === undefined ? (at === 0 ? 'nothing' : '') : useText(uses[at]),
    at === 0 ? policyText(settings) : '',
    at === 0
      ? placeText({ file: place.file, ...(place.line === undefined ? {} : { line: place.line }) })
      : '',
  ]);
}

function useText({ resource, mode }: Use): string {
  return `${printable(resource)}${mode === 'shared' ? ' (shared)' : ''}`;
}

function policyText({ policy = 'fail', timeout, exitCode }: Operation['settings']): string {
  const limit = policy === 'wait' && timeout !== undefined ? ` ${duration(timeout)}` : '';
  return `${policy}${limit}${exitCode === undefined ? '' : `, exit ${exitCode}`}`;
}
