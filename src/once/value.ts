/** How a value lies in its record. `buffer` and `bytes` are told apart so that everybody gets the class the run returned. */
export type ValueKind = 'json' | 'undefined' | 'bytes' | 'buffer';

const VALUE_KINDS: readonly unknown[] = ['json', 'undefined', 'bytes', 'buffer'] satisfies ValueKind[];

export interface Encoded {
  readonly kind: ValueKind;
  readonly body: Buffer;
}

const NOTHING = Buffer.alloc(0);

export function isValueKind(kind: unknown): kind is ValueKind {
  return VALUE_KINDS.includes(kind);
}

/** A value as it can be recorded, or the words for what in it cannot. */
export function encodeValue(value: unknown): Encoded | string {
  if (value === undefined) return { kind: 'undefined', body: NOTHING };
  if (Buffer.isBuffer(value)) return { kind: 'buffer', body: value };
  if (value instanceof Uint8Array) {
    return { kind: 'bytes', body: Buffer.from(value.buffer, value.byteOffset, value.byteLength) };
  }
  const problem = problemIn(value, 'the result', new Set());
  return problem ?? { kind: 'json', body: Buffer.from(JSON.stringify(value)) };
}

/** A copy of its own for whoever asks. @throws {SyntaxError} for a body that is not what its kind says. */
export function decodeValue({ kind, body }: Encoded): unknown {
  switch (kind) {
    case 'undefined':
      return undefined;
    case 'json':
      return JSON.parse(body.toString());
    case 'buffer':
      return Buffer.from(body);
    case 'bytes':
      return Uint8Array.from(body);
  }
}

/**
 * What in a value would not come back from JSON as it was. A property that is undefined counts as absent, as it does in
 * JSON; everything else that JSON would drop or change is a problem: a Map, a Date, NaN, a function, a cycle.
 */
function problemIn(value: unknown, path: string, around: Set<unknown>): string | undefined {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return undefined;
  if (typeof value === 'number') {
    return Number.isFinite(value) ? undefined : `${path} is ${value}, which JSON cannot represent`;
  }
  if (value === undefined) return `${path} is undefined, which JSON cannot represent`;
  if (typeof value !== 'object') return `${path} is a ${typeof value}, which JSON cannot represent`;
  if (around.has(value)) return `${path} contains itself, which JSON cannot represent`;
  around.add(value);
  const problem = Array.isArray(value)
    ? problemInArray(value, path, around)
    : problemInObject(value, path, around);
  around.delete(value);
  return problem;
}

function problemInArray(values: readonly unknown[], path: string, around: Set<unknown>): string | undefined {
  for (let index = 0; index < values.length; index++) {
    const problem = problemIn(values[index], `${path}[${index}]`, around);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function problemInObject(value: object, path: string, around: Set<unknown>): string | undefined {
  if (!isPlain(value)) {
    return `${path} is a ${value.constructor?.name || 'class instance'}, which JSON cannot represent`;
  }
  if (typeof (value as { toJSON?: unknown }).toJSON === 'function') {
    return `${path} has a toJSON method, so JSON would hold something else`;
  }
  for (const [key, each] of Object.entries(value)) {
    const problem = each === undefined ? undefined : problemIn(each, `${path}.${key}`, around);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

/** An object literal or one without a prototype, of whichever realm. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
