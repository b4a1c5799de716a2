import { describe, expect, it } from 'vitest';
import { lostWakeups, type Stay } from '../stress/wakeups.mjs';

describe('a wait is called forgotten', () => {
  const stay = (worker: string, from: number, to: number, resource = 'alpha'): Stay => ({
    ...{ hold: `${worker}.0`, worker, resource },
    ...{ from: BigInt(from) * 1_000_000n, to: BigInt(to) * 1_000_000n },
  });
  const nobody = new Map();
  const found = (waits: Stay[], holds: Stay[], stops: ReadonlyMap<string, Stay[]> = nobody) =>
    lostWakeups({ waits, holds }, stops, 300);

  it('when the lock was free for longer than the limit while it lasted', () => {
    const {
      found: [first],
      longest,
    } = found([stay('w', 100, 900)], [stay('a', 0, 200), stay('w', 600, 900)]);

    expect(first).toContain('w.0 waited for alpha for 400 ms');
    expect(first).toContain('last held by a.0');
    expect(longest).toBe(400);
    expect(found([stay('w', 100, 900)], []).found).toHaveLength(1);
  });

  it('not when the lock was held, by whomever, or free for a shorter time', () => {
    const holds = [stay('a', 0, 200), stay('b', 150, 400), stay('b', 650, 800), stay('c', 900, 950)];

    expect(found([stay('w', 100, 1_000)], holds)).toEqual({ found: [], longest: 250 });
    expect(found([stay('w', 300, 600)], []).found).toEqual([]);
    expect(found([stay('w', 100, 900)], [stay('a', 0, 1_000, 'beta')]).found).toHaveLength(1);
    expect(found([stay('w', 100, 900, 'beta')], [stay('a', 0, 1_000)]).found).toHaveLength(1);
  });

  it('not when it could not get on because its process was stopped', () => {
    const stops = new Map([
      ['w', [stay('w', 300, 500), stay('w', 550, 700)]],
      ['v', [stay('v', 0, 1)]],
    ]);

    expect(found([stay('w', 100, 900)], [], stops)).toEqual({ found: [], longest: 200 });
    expect(found([stay('v', 100, 900)], [], stops).found).toHaveLength(1);
  });
});
