import { eachNumber, type InexactDoubles, uncertain } from './inexact-doubles.ts';
import { define, isArray, type Json } from './json.ts';
import { Literal } from './literal.ts';
import type { PathStep } from './path.ts';

/**
 * `value`, in which each double of `open` is the one number of `from` that it stands for. Such a number may have moved, but
 * not multiplied: a program that gives one more may mean the double itself.
 *
 * @throws {InputError} there are more of one than in `from`.
 */
export function withMovedNumbers(
  value: Json,
  from: Json,
  open: ReadonlySet<number>,
  doubles: InexactDoubles,
): Json {
  const surplus = new Map<number, number>();
  const count = (by: number) => (number: number | Literal) => {
    const double = Number(number);
    if (open.has(double)) surplus.set(double, (surplus.get(double) ?? 0) + by);
  };
  eachNumber(value, count(1));
  eachNumber(from, count(-1));
  const path: PathStep[] = [];
  return moved(value, 0);

  function moved(part: Json, depth: number): Json {
    if (typeof part === 'number') return open.has(part) ? numberBehind(part, depth) : part;
    if (typeof part !== 'object' || part === null || part instanceof Literal) return part;
    if (isArray(part)) {
      return part.map((each, at) => {
        path[depth] = at;
        return moved(each, depth + 1);
      });
    }
    const members: Record<string, Json> = {};
    for (const name of Object.keys(part)) {
      path[depth] = name;
      define(members, name, moved(part[name] as Json, depth + 1));
    }
    return members;
  }

  function numberBehind(double: number, depth: number): Json {
    const [text] = doubles.get(double) as ReadonlySet<string>;
    if ((surplus.get(double) as number) > 0)
      throw uncertain(double, [text as string, String(double)], path.slice(0, depth));
    return new Literal(text as string);
  }
}
