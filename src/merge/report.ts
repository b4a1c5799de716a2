import { typeOf } from '../json/order.ts';
import { formatPath, type Path, type PathStep } from '../json/path.ts';
import { given } from '../lock/known-options.ts';
import type { Conflict, ConflictKind, Note } from './result.ts';
import type { Sides } from './values.ts';

/** Where a merge stands, and what it has found so far. */
export class Report {
  readonly conflicts: Conflict[] = [];
  readonly notes: Note[] = [];
  readonly #path: PathStep[] = [];

  get depth(): number {
    return this.#path.length;
  }

  /** Inside of an array whose elements nothing but their index tells apart. */
  get isByIndex(): boolean {
    return this.#path.some((step) => typeof step === 'number');
  }

  place(): { readonly path: Path; readonly text: string } {
    const path = [...this.#path];
    return { path, text: formatPath(path) };
  }

  /** Does this one step further down. */
  at<Value>(step: PathStep, body: () => Value): Value {
    this.#path.push(step);
    const value = body();
    this.#path.pop();
    return value;
  }

  conflict({ base, ours, theirs }: Sides, kind: ConflictKind): void {
    this.conflicts.push({ kind, ...this.place(), ...given({ base, ours, theirs }) });
  }

  note(kind: Note['kind'], field?: string): void {
    const last = this.notes.at(-1);
    if (last?.kind === kind && last.text === this.place().text) return;
    this.notes.push({ kind, ...this.place(), ...(field === undefined ? {} : { field }) });
  }
}

export function conflictKind({ base, ours, theirs }: Sides): ConflictKind {
  if (ours === undefined) return 'delete-edit';
  if (theirs === undefined) return 'edit-delete';
  if (typeOf(ours) !== typeOf(theirs)) return 'type';
  return base === undefined ? 'add-add' : 'edit-edit';
}
