import { isArray, type Json } from './json.ts';
import { Literal } from './literal.ts';

/** One text for all values that say the same. */
export function canonical(value: Json): string {
  if (value instanceof Literal) return value.text;
  if (typeof value === 'number') return String(value);
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (isArray(value)) return `[${value.map(canonical).join()}]`;
  const names = Object.keys(value).sort();
  return `{${names.map((name) => `${JSON.stringify(name)}:${canonical(value[name] as Json)}`).join()}}`;
}

/** Whether arrays and objects lie in one another on more levels than that. */
export function isDeeper(value: Json, levels: number): boolean {
  if (typeof value !== 'object' || value === null || value instanceof Literal) return false;
  return levels === 0 || Object.values(value).some((each: Json) => isDeeper(each, levels - 1));
}
