import { HoldfastError } from './base.ts';
import { printable } from './describe.ts';

/** A place in a rules file. Lines and columns count from 1; a problem with the whole file has none. */
export interface RulesPlace {
  readonly file: string;
  readonly line?: number | undefined;
  readonly column?: number | undefined;
}

/** `holdfast.yaml:12:7`, as compilers write it and editors open it. */
export function placeText({ file, line, column }: RulesPlace): string {
  const where = line === undefined ? '' : `:${line}${column === undefined ? '' : `:${column}`}`;
  return printable(file) + where;
}

/** A rules file that cannot be used. Nothing has been run or locked. */
export class RulesError extends HoldfastError implements RulesPlace {
  static override readonly code = 'HOLDFAST_RULES';
  readonly file: string;
  readonly line?: number | undefined;
  readonly column?: number | undefined;
  /** What is wrong there, in one sentence. */
  readonly problem: string;

  /** `excerpt`: the line in question, with a caret under the place. */
  constructor(place: RulesPlace, problem: string, excerpt = '') {
    super(
      RulesError.code,
      `${placeText(place)}: ${problem}${problem.endsWith('?') ? '' : '.'}${excerpt === '' ? '' : `\n${excerpt}`}`,
    );
    this.file = place.file;
    if (place.line !== undefined) this.line = place.line;
    if (place.column !== undefined) this.column = place.column;
    this.problem = problem;
  }
}
