import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Agent } from '../support/agent.ts';
import { locksIn } from '../support/place.ts';
import { tempDirectory } from '../support/temp.ts';

function plant(path: string, content: Uint8Array | string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  writeFileSync(path, content);
}

describe('a file with somebody else’s content in the lock’s place', () => {
  it('excludes other processes, which are told who holds [H15, R66]', async () => {
    const home = tempDirectory();
    const [holder, other] = await Agent.several(home, 2);
    const path = locksIn(home).pathOf('mirror');
    plant(path, 'precious');

    const granted = await holder.acquire('mirror');

    expect(granted.degraded).toEqual(['foreign-content']);
    await expect(other.acquire('mirror', { timeout: 0 })).rejects.toMatchObject({
      code: 'HOLDFAST_BUSY',
      holders: [{ pid: holder.pid }],
    });
    await holder.release();
    expect(readFileSync(path, 'utf8')).toBe('precious');
  });
});
