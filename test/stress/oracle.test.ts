import { describe, expect, it } from 'vitest';
import { doubleRecoveries, fallenTokens, type Hold, lostUpdates, overlaps, type Update } from './history.mjs';

describe('the oracle', () => {
  const hold = (name: string, mode: string, from: number, to: number, rest: Partial<Hold> = {}): Hold => ({
    ...{ hold: name, mode, from: BigInt(from), to: BigInt(to) },
    ...{ resource: 'alpha', token: from, after: '-', released: true, ...rest },
  });

  it('finds holds that overlap, however short or long, and allows readers to', () => {
    const [a, b] = [hold('a', 'exclusive', 10, 20), hold('b', 'exclusive', 19, 21)];
    const reader = (from: number, to: number) => hold(`r${from}`, 'shared', from, to);

    expect(overlaps([b, a])).toEqual(['exclusive b began while exclusive a held alpha']);
    expect(overlaps([reader(1, 11), a])).toHaveLength(1);
    expect(overlaps([a, reader(19, 30)])).toHaveLength(1);
    expect(overlaps([reader(1, 100), reader(2, 3), hold('w', 'exclusive', 50, 60)])).toHaveLength(1);
    expect(overlaps([reader(1, 9), reader(2, 8), a, reader(20, 30)])).toEqual([]);
    expect(overlaps([a, { ...b, resource: 'beta' }])).toEqual([]);
  });

  it('finds an update that was lost, repeated or made by nobody, and forgives the killed their last', () => {
    const update = (name: string, value: number, confirmed = true): Update => {
      return { hold: name, resource: 'alpha', value, confirmed };
    };
    const three = [update('a', 1), update('b', 2), update('c', 3)];

    expect(lostUpdates(three, 3, 'alpha')).toEqual([]);
    expect(lostUpdates(three, 2, 'alpha')).toEqual(['alpha 3 of c is lost']);
    expect(lostUpdates(three, 4, 'alpha')).toEqual(['alpha 4 was written by nobody']);
    expect(lostUpdates([...three, update('d', 2)], 3, 'alpha')).toEqual(['alpha 2 was written by b and d']);
    expect(lostUpdates([...three, update('d', 4, false)], 3, 'alpha')).toEqual([]);
    expect(lostUpdates([...three, update('d', 4, false)], 4, 'alpha')).toEqual([]);
    expect(lostUpdates([...three, update('d', 3, false)], 3, 'alpha')).toEqual([]);
  });

  it('finds tokens that fall or repeat, and recoveries that were told twice', () => {
    const [a, b] = [hold('a', 'exclusive', 1, 2), hold('b', 'exclusive', 3, 4)];

    expect(fallenTokens([b, a])).toEqual([]);
    expect(fallenTokens([a, { ...b, token: a.token }])).toHaveLength(1);
    expect(fallenTokens([a, { ...b, token: 0, resource: 'beta' }])).toEqual([]);
    expect(fallenTokens([a, { ...a, token: Number.NaN, from: 2n }, { ...b, token: a.token }])).toHaveLength(
      1,
    );
    expect(doubleRecoveries([{ ...a, after: '1-1' }, b])).toEqual([]);
    expect(
      doubleRecoveries([
        { ...a, after: '1-1' },
        { ...b, after: '1-1' },
      ]),
    ).toHaveLength(1);
  });
});
