import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { passTime } from './time.mjs';

const HOUR = 3_600_000;

describe('time that is made to pass', () => {
  it('fires timers, intervals and pauses in the order in which they are due', async () => {
    const fired: string[] = [];
    setTimeout(() => fired.push('timer'), 2.5 * HOUR);
    const interval = setInterval(() => fired.push('interval'), HOUR);
    const resumed = pause(1.5 * HOUR, 'pause').then((value) => fired.push(value));

    await passTime(3.25 * HOUR);
    clearInterval(interval);
    await passTime(3 * HOUR);
    await resumed;

    expect(fired).toEqual(['interval', 'pause', 'interval', 'timer', 'interval']);
  });

  it('fires what others set meanwhile, and nothing that is called off or not due', async () => {
    const fired: string[] = [];
    const off = new AbortController();
    const aborted = pause(HOUR, undefined, { signal: off.signal }).catch((error: Error) => error.name);
    const unwanted = setTimeout(() => fired.push('unwanted'), HOUR);
    const late = setTimeout(() => fired.push('late'), 3 * HOUR);
    setTimeout(() => setTimeout(() => fired.push('set meanwhile'), HOUR), HOUR);

    off.abort();
    clearTimeout(unwanted);
    await passTime(2.5 * HOUR);
    clearTimeout(late);

    expect(await aborted).toBe('AbortError');
    expect(fired).toEqual(['set meanwhile']);
  });

  it.each(['setTimeout', 'setInterval'] as const)(
    'is refused while %s is faked, for nothing would happen',
    async (name) => {
      vi.useFakeTimers({ toFake: [name] });
      onTestFinished(() => void vi.useRealTimers());

      await expect(passTime(HOUR)).rejects.toThrow(new RegExp(`took their place: ${name}`));

      vi.useRealTimers();
      await passTime(HOUR);
    },
  );
});
