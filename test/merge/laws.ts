/** What must hold of a merge whatever it does in detail; looks at values only, and shares no code with it. */
type Leaves = Map<string, string>;

/** A difference between a clean result and what the laws say, or undefined. */
export function brokenLaw(
  base: unknown,
  ours: unknown,
  theirs: unknown,
  result: unknown,
  volatile: readonly string[] = [],
): string | undefined {
  const [b, o, t, r] = leavesOf([base, ours, theirs, result], volatile);
  if (b === undefined || o === undefined || t === undefined || r === undefined)
    throw new Error('four values');
  for (const place of new Set([...b.keys(), ...o.keys(), ...t.keys(), ...r.keys()])) {
    const [before, mine, other, merged] = [b.get(place), o.get(place), t.get(place), r.get(place)];
    const told = `${place}: base ${before}, ours ${mine}, theirs ${other}, merged ${merged}`;
    if (mine === other && merged !== mine) return `both made one change, and it is lost at ${told}`;
    if (mine === before && merged !== other) return `a change of theirs is lost at ${told}`;
    if (other === before && merged !== mine) return `a change of ours is lost at ${told}`;
    if (mine !== other && mine !== before && other !== before) return `no conflict at ${told}`;
  }
  return undefined;
}

/**
 * What stands at each place of several versions. A record's place is named by what tells it apart, an element of a set by
 * itself; other arrays are one leaf.
 */
function leavesOf(versions: readonly unknown[], volatile: readonly string[]): Leaves[] {
  const leaves = versions.map(() => new Map<string, string>());
  const visit = (values: readonly unknown[], place: string): void => {
    const lists = values.filter(Array.isArray) as unknown[][];
    const field = ['id', 'key', 'name'].find((name) => lists.every((list) => areUnique(list, name)));
    const areSets = lists.every((list) =>
      list.every((each, at) => typeof each === 'string' && list.indexOf(each) === at),
    );
    const isLookedInto = (value: unknown) => Array.isArray(value) && (field !== undefined || areSets);
    const inner = new Map<string, unknown[]>();
    const put = (step: string, at: number, value: unknown) => {
      const all = inner.get(step) ?? versions.map(() => undefined);
      all[at] = value;
      inner.set(step, all);
    };
    for (const [at, value] of values.entries()) {
      if (value === undefined) continue;
      const isOpen = isLookedInto(value) || isObject(value);
      leaves[at]?.set(place, isOpen ? (Array.isArray(value) ? '[]' : '{}') : said(value, volatile));
      if (!isOpen) continue;
      for (const [name, each] of Object.entries(value as object)) {
        if (!Array.isArray(value)) {
          if (!volatile.includes(name)) put(`.${name}`, at, each);
        } else put(isObject(each) ? `[${JSON.stringify(own(each, field ?? ''))}]` : `{${each}}`, at, each);
      }
    }
    for (const [step, each] of inner) visit(each, `${place}${step}`);
  };
  visit(versions, '');
  return leaves;
}

function areUnique(list: readonly unknown[], field: string): boolean {
  const ids = list.map((each) => (isObject(each) ? own(each, field) : undefined));
  return ids.every((id, at) => (typeof id === 'string' || typeof id === 'number') && ids.indexOf(id) === at);
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function own(object: object, name: string): unknown {
  return Object.getOwnPropertyDescriptor(object, name)?.value;
}

/** One text for all values that say the same. */
function said(value: unknown, volatile: readonly string[]): string {
  if (Array.isArray(value)) return `[${value.map((each) => said(each, volatile)).join()}]`;
  if (!isObject(value)) return JSON.stringify(value);
  const names = Object.keys(value).filter((name) => !volatile.includes(name));
  return `{${names
    .sort()
    .map((name) => `${JSON.stringify(name)}:${said(own(value, name), volatile)}`)
    .join()}}`;
}
