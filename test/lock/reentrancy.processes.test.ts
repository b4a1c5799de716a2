import { UnsupportedError } from 'holdfast';
import { describe, expect, it } from 'vitest';
import { Agent } from '../support/agent.ts';
import { newPlace } from '../support/place.ts';

const again = { reentrant: true } as const;

describe('a lock asked for by code that holds it already', () => {
  it('stays exclusive for the enclosing code: it is not made shared while both have it [R4]', async () => {
    const { home, locks } = newPlace();
    const agent = await Agent.start({ home });

    await locks.with('mirror', async (outer) => {
      const inner = await locks.acquire('mirror', again);
      await expect(inner.downgrade()).rejects.toThrow(/it cannot be made shared/);
      await expect(outer.downgrade()).rejects.toBeInstanceOf(UnsupportedError);
      expect(outer.mode).toBe('exclusive');
      expect(await agent.couldAcquire('mirror', { mode: 'shared' })).toBe(false);
      await inner.release();
      await outer.downgrade();
      expect(await agent.couldAcquire('mirror', { mode: 'shared' })).toBe(true);
    });
  });
});
