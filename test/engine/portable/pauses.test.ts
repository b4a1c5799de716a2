import { afterEach, expect, it, vi } from 'vitest';
import { Pauses } from '../../../src/engine/portable/pauses.ts';

afterEach(() => vi.restoreAllMocks());

const first = (pauses: Pauses, count: number) => Array.from({ length: count }, () => pauses.next());

it('differ from waiter to waiter, by half at most [G20]', () => {
  const random = vi.spyOn(Math, 'random').mockReturnValue(0);
  const shortest = first(new Pauses(), 20);
  random.mockReturnValue(1);
  const longest = first(new Pauses(), 20);

  expect(shortest.map((pause) => pause * 2)).toEqual(longest);
  random.mockRestore();
  expect(first(new Pauses(), 20)).not.toEqual(first(new Pauses(), 20));
});

it('grow to 50 ms, or to what the waiter was told, and begin anew after a hint', () => {
  vi.spyOn(Math, 'random').mockReturnValue(1);
  const pauses = new Pauses();
  const seen = first(pauses, 20);

  expect(seen).toEqual([...seen].sort((a, b) => a - b));
  expect([seen[0], seen.at(-1)]).toEqual([1, 50]);
  expect(first(new Pauses(7), 20).at(-1)).toBe(7);
  expect(first(new Pauses(Number.POSITIVE_INFINITY), 100).at(-1)).toBe(2 ** 31 - 1);
  pauses.restart();
  expect(pauses.next()).toBe(1);
});
