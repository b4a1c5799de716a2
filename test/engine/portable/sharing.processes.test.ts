import { describe, expect, it } from 'vitest';
import type { LockRequest } from '../../../src/engine/engine.ts';
import { portableEngine } from '../../../src/engine/portable/portable.ts';
import { contender, granted, unusedLock } from '../harness.ts';
import { Peer } from '../peer.ts';

const module = new URL('../../fixtures/portable-engines.mjs', import.meta.url);

describe.each(['file', 'directory'] as const)(
  'the portable engine (lock %s), among those who share',
  (layout) => {
    const engine = portableEngine({ layout });
    const { acquire, isFree, wait } = contender(engine);
    const peer = (home: string) => Peer.start({ module, name: `${layout}Engine` }, home);

    it('is passed by a writer when the reader, or the writer that waited for it, was killed [R10, H16]', async () => {
      const { home, request } = unusedLock();
      const [reader, writer] = await Promise.all([peer(home), peer(home)]);
      const own = await acquire(request('shared'));
      await reader.acquire(request('shared'));
      await writer.wait(request());

      await Promise.all([reader.kill(), writer.kill()]);
      own.release();

      expect((await granted(wait(request()))).recovered).toBe(undefined); // nobody was granted it exclusively
    });

    it('gives no more permits than there are, one to each, and that of a dead holder to the next [R10]', async () => {
      const { home, request } = unusedLock();
      const permit: LockRequest = { ...request('shared'), permits: 2 };
      const other = await peer(home);
      const first = await acquire(permit);
      await other.acquire(permit);

      expect(engine.tryAcquire(permit)).toBe(undefined);
      expect(await isFree(request())).toBe(false);
      expect(() => engine.tryAcquire({ ...permit, permits: 3 })).toThrow(
        expect.objectContaining({ code: 'HOLDFAST_PERMITS', agreed: 2 }),
      );
      expect(() => engine.tryAcquire(request('shared'))).toThrow(
        expect.objectContaining({ code: 'HOLDFAST_PERMITS', agreed: 2 }),
      );
      await other.kill();
      const third = await acquire(permit);
      expect(engine.tryAcquire(permit)).toBe(undefined);

      for (const grant of [first, third]) grant.release();
      expect(await isFree(request())).toBe(true);
    });
  },
);
