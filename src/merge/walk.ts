import { assertJson } from '../json/assert-json.ts';
import { define, isArray, isObject, type Json, type JsonObject } from '../json/json.ts';
import { typeOf } from '../json/order.ts';
import { memberOf } from '../json/values.ts';
import { atOnce } from '../lock/body.ts';
import { decide, later } from './decide.ts';
import { elementKeys } from './elements.ts';
import { type Arrays, arraysOf, identify } from './identity.ts';
import { mergeLists } from './list.ts';
import { mergeOrder } from './order.ts';
import { relate } from './relate.ts';
import { conflictKind, Report } from './report.ts';
import type { Rules } from './rules.ts';
import { CONFLICT, fitsArraysOnly } from './strategy.ts';
import type { Side, Sides } from './values.ts';

/** Values that lie deeper are not looked into: calls fit on the stack, and no level compares the rest once more. */
const DEEPEST = 64;

/** By which fields records are told apart. */
export interface Fields {
  readonly configured: readonly string[];
  /** Tried after those; a note says when one was found. */
  readonly inferred: readonly string[];
}

/** One merge, which walks through three values at once. */
export class Walk {
  readonly report = new Report();
  readonly #fields: Fields;
  readonly #strictOrder: boolean;

  constructor(fields: Fields, { strictOrder = false }: { readonly strictOrder?: boolean | undefined }) {
    this.#fields = fields;
    this.#strictOrder = strictOrder;
  }

  /**
   * The first rule that fits decides:
   *
   * 1. The sides are equal: that. A number that `sum` decides counts each of two equal changes.
   * 2. Ours is unchanged: theirs.
   * 3. Theirs is unchanged: ours.
   * 4. There is a strategy for this path.
   * 5. One side removed what the other changed: conflict.
   * 6. Both added a record with this identity: conflict, never a mix of the two.
   * 7. Objects: member by member.
   * 8. Arrays: record by record, as sets, or as a whole.
   * 9. Conflict.
   *
   * @param identity the member that tells records apart, where the sides are one of them
   */
  merge(sides: Sides, rules: Rules, identity?: string): Side {
    const { base, ours, theirs } = sides;
    const equal = relate(ours, theirs, rules);
    if (equal === 'same' && (!rules.counts || this.report.isByIndex)) return ours;
    const ofOurs = relate(ours, base, rules);
    if (ofOurs === 'same') return theirs;
    const ofTheirs = relate(theirs, base, rules);
    if (ofTheirs === 'same') return ours;
    if (equal !== 'other') {
      const sum = rules.strategy === 'sum' ? decide('sum', base, ours, theirs) : undefined;
      const settled = sum?.value ?? this.#settle(sides, rules, identity);
      return settled ?? this.#byIndex(sides, rules) ?? later(ours, theirs);
    }
    if (ofOurs === 'alike') return this.#settle(sides, rules, identity) ?? theirs;
    if (ofTheirs === 'alike') return this.#settle(sides, rules, identity) ?? ours;

    const decided = this.#byStrategy(sides, rules);
    if (decided !== undefined) return decided.value;
    const isAddedTwice = identity !== undefined && base === undefined;
    if (ours === undefined || theirs === undefined || isAddedTwice) return this.#conflict(sides);
    return this.#byMembers(sides, rules, identity) ?? this.#byElements(sides, rules) ?? this.#conflict(sides);
  }

  /**
   * Rules 1 to 3 for values that say the same but are written differently, or in which `sum` may decide: the order of their
   * members, and the volatile ones, come from both sides. No conflict can follow.
   */
  #settle({ base, ours, theirs }: Sides, rules: Rules, identity: string | undefined): Side {
    const isOfOneType = base !== undefined && ours !== undefined && typeOf(base) === typeOf(ours);
    const sides = { base: isOfOneType ? base : undefined, ours, theirs };
    return this.#byMembers(sides, rules, identity) ?? this.#byRecords(sides, rules);
  }

  /** Rule 4, but for what is done to arrays. */
  #byStrategy(sides: Sides, { strategy }: Rules): { readonly value: Side } | undefined {
    const { base, ours, theirs } = sides;
    if (strategy === undefined) return undefined;
    if (typeof strategy === 'function') {
      const place = this.report.place();
      const what = `what the strategy for ${place.text || '$'} returned`;
      const value = atOnce(strategy(base, ours, theirs, place), what, 'a merge waits for nobody');
      if (value === CONFLICT) return { value: this.#conflict(sides) };
      if (value !== undefined) assertJson(value, what);
      return { value };
    }
    const decided = decide(strategy, base, ours, theirs);
    const isForLater = strategy === 'atomic' || (fitsArraysOnly(strategy) && arraysOf(sides) !== undefined);
    if (decided === undefined && !isForLater) this.report.note('misfit');
    return decided;
  }

  /** Rule 7. The identity of a record is never decided: it is no count, whatever the patterns say. */
  #byMembers({ base, ours, theirs }: Sides, rules: Rules, identity?: string): JsonObject | undefined {
    if (!isObject(ours) || !isObject(theirs) || (base !== undefined && !isObject(base))) return undefined;
    if (!this.#isLookedInto(rules)) return undefined;
    const merged = new Map<string, Json>();
    const [inOurs, inTheirs] = [Object.keys(ours), Object.keys(theirs)];
    for (const name of new Set([...inOurs, ...inTheirs])) {
      const sides = {
        base: memberOf(base, name),
        ours: memberOf(ours, name),
        theirs: memberOf(theirs, name),
      };
      const merge = () => this.merge(sides, rules.member(name));
      const value = name === identity ? sides.ours : this.report.at(name, merge);
      if (value !== undefined) merged.set(name, value);
    }
    const order = mergeOrder(Object.keys(base ?? {}), inOurs, inTheirs, (name) => merged.has(name));
    if (order.isCircular) this.report.note('order');
    const object: Record<string, Json> = {};
    for (const name of order.keys) define(object, name, merged.get(name) as Json);
    return object;
  }

  /** Rule 8. */
  #byElements(sides: Sides, rules: Rules): readonly Json[] | undefined {
    const arrays = arraysOf(sides);
    if (arrays === undefined || !this.#isLookedInto(rules)) return undefined;
    if (rules.strategy === 'set' || rules.strategy === 'list') {
      const keys = elementKeys(arrays);
      if (keys === undefined) this.report.note('deep');
      else if (rules.strategy === 'set') return this.#asSets(keys);
      return keys && mergeLists(keys.base, keys.ours, keys.theirs);
    }
    return this.#byRecords(sides, rules) ?? this.#asDistinctTexts(arrays);
  }

  #byRecords(sides: Sides, rules: Rules): readonly Json[] | undefined {
    const arrays = arraysOf(sides);
    if (arrays === undefined || !this.#isLookedInto(rules)) return undefined;
    const declared = typeof rules.strategy === 'object' ? [rules.strategy.keyed] : this.#fields.configured;
    const inferred = typeof rules.strategy === 'object' ? [] : this.#fields.inferred;
    const found = identify(arrays, [...declared, ...inferred]);
    if (found.records === undefined) {
      if (found.duplicate !== undefined) this.report.note('duplicate', found.duplicate);
      else if (typeof rules.strategy === 'object') this.report.note('misfit');
      return undefined;
    }
    const { field, records } = found;
    if (!declared.includes(field)) this.report.note('keyed', field);
    const merged = new Map<Json, Json>();
    for (const key of new Set([...records.ours.keys(), ...records.theirs.keys()])) {
      const [base, ours, theirs] = [records.base.get(key), records.ours.get(key), records.theirs.get(key)];
      const merge = () => this.merge({ base, ours, theirs }, rules.element, field);
      const value = this.report.at({ [field]: key }, merge);
      if (value !== undefined) merged.set(key, value);
    }
    const keys = this.#ordered(
      { base: [...records.base.keys()], ours: [...records.ours.keys()], theirs: [...records.theirs.keys()] },
      arrays,
      (key) => merged.has(key),
    );
    return keys.map((key) => merged.get(key) as Json);
  }

  /** @param keys one object for all elements that say the same */
  #asSets(keys: Arrays): readonly Json[] {
    const [base, ours, theirs] = [new Set(keys.base), new Set(keys.ours), new Set(keys.theirs)];
    const isIn = (key: Json) => (ours.has(key) === theirs.has(key) ? ours.has(key) : !base.has(key));
    return this.#ordered({ base: [...base], ours: [...ours], theirs: [...theirs] }, keys, isIn);
  }

  /** Arrays of nothing but distinct texts are sets, although nobody said so. */
  #asDistinctTexts(arrays: Arrays): readonly Json[] | undefined {
    const each = [arrays.base, arrays.ours, arrays.theirs];
    if (!each.flat().every((element) => typeof element === 'string')) return undefined;
    const areDistinct = each.every((elements) => new Set(elements).size === elements.length);
    this.report.note(areDistinct ? 'set' : 'duplicate');
    return areDistinct ? this.#asSets(arrays) : undefined;
  }

  /** Element by element, for arrays that differ in nothing but how their elements are written. */
  #byIndex({ base, ours, theirs }: Sides, rules: Rules): readonly Json[] | undefined {
    if (!isArray(ours) || !isArray(theirs) || !this.#isLookedInto(rules)) return undefined;
    const known = isArray(base) && base.length === ours.length ? base : [];
    return ours.map((element, at) => {
      const sides = { base: known[at], ours: element, theirs: theirs[at] };
      return this.report.at(at, () => this.merge(sides, rules.element)) as Json;
    });
  }

  #ordered(keys: Arrays, arrays: Arrays, isKept: (key: Json) => boolean): readonly Json[] {
    const order = mergeOrder(keys.base, keys.ours, keys.theirs, isKept);
    if (order.isCircular && this.#strictOrder) this.report.conflict(arrays, 'order');
    else if (order.isCircular) this.report.note('order');
    return order.keys;
  }

  #isLookedInto({ strategy }: Rules): boolean {
    if (strategy === 'atomic') return false;
    if (this.report.depth < DEEPEST) return true;
    this.report.note('deep');
    return false;
  }

  /** What stays in the result is ours; or what was changed, where ours removed it. */
  #conflict(sides: Sides): Side {
    this.report.conflict(sides, conflictKind(sides));
    return sides.ours === undefined ? sides.theirs : sides.ours; // which may be null
  }
}
