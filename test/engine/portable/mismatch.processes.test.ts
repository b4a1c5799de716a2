import { describe, it } from 'vitest';
import { kernelEngine } from '../../../src/engine/kernel/kernel.ts';
import { contender, unusedLock } from '../harness.ts';
import { Peer } from '../peer.ts';

const module = new URL('../../fixtures/portable-engines.mjs', import.meta.url);
const layouts = ['file', 'directory'] as const;

describe.each(layouts)('a lock that the portable engine (lock %s) has', (layout) => {
  it('is taken by the kernel engine when its last reader was killed', async () => {
    const { home, request } = unusedLock();
    const peer = await Peer.start({ module, name: `${layout}Engine` }, home);
    await peer.acquire(request('shared'));
    await peer.kill();

    await contender(kernelEngine).acquire(request());
  });
});
