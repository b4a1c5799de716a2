import { describe, expect, it } from 'vitest';
import { Agent } from '../support/agent.ts';
import { tempDirectory } from '../support/temp.ts';

describe('any string is the name of a lock', () => {
  it('is the same lock in every process [H20]', async () => {
    const home = tempDirectory();
    const [holder, other] = await Agent.several(home, 2);
    for (const name of ['a\ud83d', 'a\0b', '__proto__', '..', '🔒\n']) {
      await holder.acquire({ name });
      expect(await other.couldAcquire({ name })).toBe(false);
      expect(await other.couldAcquire({ name: `${name}x` })).toBe(true);
      await holder.release();
    }
  });
});
