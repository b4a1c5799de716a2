/**
 * The rules of the merge once more, by other means and without regard to time: values are compared by their texts, orders
 * by all pairs and all ways between them. It knows plain values, and of the strategies only volatile members.
 */
type Value = null | boolean | number | string | Value[] | { [member: string]: Value };
type Maybe = Value | undefined;
type Step = string | { readonly field: string; readonly id: string | number };

export interface Verdict {
  /** The text of the result; undefined where there is none. */
  readonly text: string | undefined;
  /** Kind and place of each conflict, sorted. */
  readonly conflicts: readonly string[];
}

export interface OracleOptions {
  /** Names of members, wherever they are. */
  readonly volatile?: readonly string[];
  readonly identity?: readonly string[];
}

export function oracle(base: unknown, ours: unknown, theirs: unknown, options: OracleOptions = {}): Verdict {
  const volatile = options.volatile ?? [];
  const fields = [...(options.identity ?? []), 'id', 'key', 'name'];
  const conflicts: string[] = [];

  /** All values that say the same have one such text; what is volatile is left out. */
  const says = (value: Maybe): string => {
    if (typeof value !== 'object' || value === null)
      return value === undefined ? 'nothing' : JSON.stringify(value);
    const text = told.get(value) ?? spelt(value);
    told.set(value, text);
    return text;
  };
  const told = new Map<object, string>();
  const spelt = (value: Value[] | Members): string => {
    if (Array.isArray(value)) return `[${value.map(says).join()}]`;
    const names = Object.getOwnPropertyNames(value).filter((name) => !volatile.includes(name));
    return `{${names
      .sort()
      .map((name) => `${JSON.stringify(name)}:${says(own(value, name))}`)
      .join()}}`;
  };

  const clash = (kind: string, path: readonly Step[], o: Maybe, t: Maybe): Maybe => {
    conflicts.push(`${kind} at ${placeText(path)}`);
    return o === undefined ? t : o;
  };

  const merge = (b: Maybe, o: Maybe, t: Maybe, path: readonly Step[]): Maybe => {
    const [bText, oText, tText] = [b, o, t].map((value) => JSON.stringify(value));
    if (oText === tText) return o;
    if (oText === bText) return t;
    if (tText === bText) return o;
    const last = path.at(-1);
    const isVolatile = typeof last === 'string' && volatile.includes(last);
    const [agree, oursKept, theirsKept] = isVolatile
      ? [false, false, false]
      : [says(o) === says(t), says(o) === says(b), says(t) === says(b)];
    if (agree || oursKept || theirsKept) {
      if (isObject(o) && isObject(t)) return members(isObject(b) ? b : {}, o, t, path);
      if (Array.isArray(o) && Array.isArray(t)) {
        const list = records(Array.isArray(b) ? b : [], o, t, path);
        if (list !== undefined) return list;
        if (agree) {
          const known = Array.isArray(b) && b.length === o.length ? b : [];
          return o.map((element, at) => merge(known[at], element, t[at], [...path, `#${at}`]) as Value);
        }
      }
      return oursKept ? t : o;
    }
    if (isVolatile) return o === undefined || t === undefined ? (o ?? t) : greater(o, t);
    if (o === undefined) return clash('delete-edit', path, o, t);
    if (t === undefined) return clash('edit-delete', path, o, t);
    if (typeof last === 'object' && b === undefined) return clash('add-add', path, o, t);
    if (isObject(o) && isObject(t) && (b === undefined || isObject(b))) return members(b ?? {}, o, t, path);
    if (Array.isArray(o) && Array.isArray(t) && (b === undefined || Array.isArray(b))) {
      const list = records(b ?? [], o, t, path) ?? texts(b ?? [], o, t);
      if (list !== undefined) return list;
    }
    const kindOf = (value: Maybe) =>
      value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value;
    return clash(kindOf(o) !== kindOf(t) ? 'type' : b === undefined ? 'add-add' : 'edit-edit', path, o, t);
  };

  const members = (b: Members, o: Members, t: Members, path: readonly Step[]): Value => {
    const merged = new Map<string | number, Value>();
    for (const name of new Set([...Object.keys(o), ...Object.keys(t)])) {
      const value = merge(own(b, name), own(o, name), own(t, name), [...path, name]);
      if (value !== undefined) merged.set(name, value);
    }
    const order = ordered(Object.keys(b), Object.keys(o), Object.keys(t), [...merged.keys()]);
    const entries = order.map((name) => `${JSON.stringify(name)}:${JSON.stringify(merged.get(name))}`);
    return JSON.parse(`{${entries}}`) as Value;
  };

  const records = (b: Value[], o: Value[], t: Value[], path: readonly Step[]): Value[] | undefined => {
    const all = [b, o, t];
    const field = fields.find((name) =>
      all.every((list) => {
        const ids = list.map((each) => (isObject(each) ? own(each, name) : undefined));
        const isGood = ids.every((id) => typeof id === 'string' || typeof id === 'number');
        return isGood && ids.every((id, at) => ids.indexOf(id) === at);
      }),
    );
    if (field === undefined || !all.every((list) => list.every(isObject))) return undefined;
    const ids = all.map((list) => list.map((each) => own(each as Members, field) as string | number));
    const [bIds = [], oIds = [], tIds = []] = ids;
    const merged = new Map<string | number, Value>();
    for (const id of new Set([...oIds, ...tIds])) {
      const [before, mine, other] = [b[bIds.indexOf(id)], o[oIds.indexOf(id)], t[tIds.indexOf(id)]];
      const value = merge(before, mine, other, [...path, { field, id }]);
      if (value !== undefined) merged.set(id, value);
    }
    return ordered(bIds, oIds, tIds, [...merged.keys()]).map((id) => merged.get(id) as Value);
  };

  const value = merge(base as Maybe, ours as Maybe, theirs as Maybe, []);
  return { text: JSON.stringify(value), conflicts: conflicts.sort() };
}

type Members = { [member: string]: Value };

function isObject(value: Maybe): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function own(object: Members, name: string): Maybe {
  return Object.getOwnPropertyDescriptor(object, name)?.value as Maybe;
}

function placeText(path: readonly Step[]): string {
  return path
    .map((step) => (typeof step === 'string' ? `/${step}` : `/${step.field}=${JSON.stringify(step.id)}`))
    .join('');
}

/** Numbers before texts before all else; here both are of one kind, or it does not matter which. */
function greater(a: Value, b: Value): Value {
  if (typeof a === 'number' && typeof b === 'number') return a > b ? a : b;
  if (typeof a === 'string' && typeof b === 'string') return a > b ? a : b;
  return typeof a === 'number' ? b : a;
}

/** Sets of texts. */
function texts(b: Value[], o: Value[], t: Value[]): Value[] | undefined {
  for (const list of [b, o, t]) {
    if (!list.every((each, at) => typeof each === 'string' && list.indexOf(each) === at)) return undefined;
  }
  const isIn = (each: Value) => {
    const votes = [b, o, t].filter((list) => list.includes(each)).length;
    return b.includes(each) ? votes === 3 : votes > 0;
  };
  const kept = [...new Set([...o, ...t])].filter(isIn);
  return ordered(b as string[], o as string[], t as string[], kept as string[]);
}

type Id = string | number;

/** Puts `kept` in order: pairs that both sides have by the three-way rule, the rest behind their predecessors. */
function ordered<Key extends Id>(
  b: readonly Key[],
  o: readonly Key[],
  t: readonly Key[],
  kept: readonly Key[],
): Key[] {
  const both = o.filter((key) => kept.includes(key) && t.includes(key));
  const comes = (list: readonly Key[], x: Key, y: Key) => list.indexOf(x) < list.indexOf(y);
  const first = (x: Key, y: Key) => {
    const [mine, other] = [comes(o, x, y), comes(t, x, y)];
    if (mine === other) return mine;
    if (b.includes(x) && b.includes(y)) return !comes(b, x, y);
    return sorts(x, y) < 0;
  };
  const reaches = new Map(both.map((x) => [x, new Set(both.filter((y) => x !== y && first(x, y)))]));
  const ways = (x: Key) => reaches.get(x) as Set<Key>;
  const isAgreed = both.every((key, at) => at === 0 || comes(t, both[at - 1] as Key, key));
  for (const through of isAgreed ? [] : both) {
    for (const x of both) if (ways(x).has(through)) for (const y of ways(through)) ways(x).add(y);
  }
  const inBase = (x: Key, y: Key) => {
    const [p, q] = [b.indexOf(x), b.indexOf(y)];
    if (p < 0 && q < 0) return sorts(x, y);
    return p < 0 ? 1 : q < 0 ? -1 : p - q;
  };
  both.sort((x, y) => (ways(x).has(y) ? (ways(y).has(x) ? inBase(x, y) : -1) : 1));

  const placed: Key[] = [];
  const alone = (list: readonly Key[], other: readonly Key[], after: Key | undefined) => {
    const here = list.filter((key) => kept.includes(key));
    const rest = here.slice(after === undefined ? 0 : here.indexOf(after) + 1);
    const end = rest.findIndex((key) => other.includes(key) && kept.includes(key));
    return end < 0 ? rest : rest.slice(0, end);
  };
  for (const place of [undefined, ...both]) {
    if (place !== undefined) placed.push(place);
    const [mine, others] = [alone(o, t, place), alone(t, o, place)];
    const [x, y] = [mine[0], others[0]];
    placed.push(
      ...(x !== undefined && y !== undefined && sorts(y, x) < 0
        ? [...others, ...mine]
        : [...mine, ...others]),
    );
  }
  return placed;
}

function sorts(a: Id, b: Id): number {
  if (typeof a === typeof b) return a < b ? -1 : a > b ? 1 : 0;
  return typeof a === 'number' ? -1 : 1;
}
