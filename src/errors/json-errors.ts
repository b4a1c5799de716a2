import { HoldfastError } from './base.ts';
import { printable } from './describe.ts';

/** A place in a text. Lines and columns count from 1, columns in UTF-16 units; a byte order mark takes none. */
export interface TextPlace {
  readonly line: number;
  readonly column: number;
  /** UTF-16 units from the beginning of the text. */
  readonly offset: number;
}

/** A text that is not JSON, has a member twice, or is nested too deep. */
export class JsonSyntaxError extends HoldfastError implements TextPlace {
  static override readonly code = 'HOLDFAST_JSON';
  readonly line: number;
  readonly column: number;
  readonly offset: number;
  /** What is wrong there, as a clause. */
  readonly problem: string;
  /** Where a member that stands twice was met first. */
  readonly first: TextPlace | undefined;

  constructor({ line, column, offset }: TextPlace, problem: string, first?: TextPlace) {
    super(JsonSyntaxError.code, `Line ${line}, column ${column}: ${printable(problem)}.`);
    this.line = line;
    this.column = column;
    this.offset = offset;
    this.problem = problem;
    this.first = first;
  }
}

/** A path into a document that cannot be read, such as `roles[id=42`. */
export class PathSyntaxError extends HoldfastError {
  static override readonly code = 'HOLDFAST_PATH';
  readonly path: string;
  /** UTF-16 units before the place in question. */
  readonly offset: number;

  constructor(path: string, offset: number, problem: string) {
    const shown = printable(path);
    super(
      PathSyntaxError.code,
      `The path ${shown} cannot be read at character ${offset + 1}: ${printable(problem)}.`,
    );
    this.path = path;
    this.offset = offset;
  }
}

/** A path into a document leads to nothing, or to more than one record. */
export class PathNotFoundError extends HoldfastError {
  static override readonly code = 'HOLDFAST_NO_PATH';
  /** As far as the first step that leads nowhere, or to more than one record. */
  readonly path: string;

  /** `found`: what is there instead of one value. */
  constructor(path: string, problem: string, found = 'nothing') {
    super(PathNotFoundError.code, `There is ${found} at ${printable(path)}: ${problem}.`);
    this.path = path;
  }
}
