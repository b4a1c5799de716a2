import { describe, expect, it } from 'vitest';
import { describe as describeLock } from '../../src/cli/commands/who.ts';
import { newLocks } from '../support/place.ts';

describe('what who says of a portable lock', () => {
  it('advises to break its claim only where it cannot be told whether the holder lives [F7, H6, R46]', async () => {
    const locks = newLocks();
    await using _lock = await locks.acquire('mirror', { engine: 'portable' });
    const info = locks.inspect('mirror');
    const elsewhere = info.holders.map((holder) => ({ ...holder, boot: 'another', machine: 'another' }));

    expect(describeLock(info, 'mirror')).toMatch(/^mirror is held under the contract claim by .*$/);
    expect(describeLock({ ...info, holders: elsewhere }, 'mirror')).toContain(
      `if it is gone for good: holdfast break --claim ${elsewhere[0]?.claim} mirror`,
    );
  });
});
