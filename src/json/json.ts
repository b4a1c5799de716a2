import { Literal } from './literal.ts';

/** What a JSON text says, with every number as exact as it was written. Never changed in place. */
export type Json = null | boolean | number | string | Literal | readonly Json[] | JsonObject;

/** Own members only; `__proto__` is a member as any other. Keys like `10` come first, whatever the text says. */
export interface JsonObject {
  readonly [member: string]: Json;
}

/** How deep arrays and objects may lie in one another, in texts and in values. */
export const MAX_DEPTH = 1000;

/** Sets a member of an object under construction, for `object[name] = value` would not set `__proto__`. */
export function define(object: Record<string, Json>, name: string, value: Json): void {
  if (name !== '__proto__') object[name] = value;
  else Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true });
}

export function isArray(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Literal);
}
