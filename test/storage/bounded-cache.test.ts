import { expect, it } from 'vitest';
import { BoundedCache } from '../../src/storage/bounded-cache.ts';

it('keeps as many entries as it may, as a map does', () => {
  const cache = new BoundedCache<string, number>(2);
  cache.set('a', 1).set('b', 2);
  expect([...cache]).toEqual([
    ['a', 1],
    ['b', 2],
  ]);
});

it('never holds more: an entry that comes when it is full stands alone', () => {
  const cache = new BoundedCache<string, number>(2);
  cache.set('a', 1).set('b', 2).set('c', 3);
  expect([...cache]).toEqual([['c', 3]]);
});

it('keeps the others when one that it has is set anew', () => {
  const cache = new BoundedCache<string, number>(2);
  cache.set('a', 1).set('b', 2).set('a', 3);
  expect(cache.get('a')).toBe(3);
  expect(cache.get('b')).toBe(2);
});

it('is bounded without being told how', () => {
  const cache = new BoundedCache<number, true>();
  for (let key = 0; key <= 1024; key++) cache.set(key, true);
  expect(cache.size).toBe(1);
});
