import { inWhole } from '../../time/whole.ts';
import { print, tell } from './text.ts';

export function printJson(value: unknown): boolean {
  return print(JSON.stringify(value, inWhole));
}

/** Tells of an event, or an error, on standard error. */
export function tellJson(value: object): void {
  tell(JSON.stringify(value, inWhole));
}
