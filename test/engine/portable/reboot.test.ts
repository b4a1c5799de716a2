import { readFileSync, writeFileSync } from 'node:fs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { portableEngine } from '../../../src/engine/portable/portable.ts';
import { self } from '../../../src/identity/self.ts';
import { fileSystems } from '../../../src/storage/file-system/index.ts';
import { contender, type UnusedLock, unusedLock } from '../harness.ts';

afterEach(() => vi.restoreAllMocks());

const engine = portableEngine();

/** A claim that a process of this machine made in a boot that is over, as it is found after a power loss. */
async function claimOfAnotherBoot({ request }: UnusedLock): Promise<void> {
  const { path } = request();
  const { pid, boot } = self();
  const grant = await contender(engine).acquire(request());
  const text = readFileSync(path, 'utf8');
  await grant.release();
  expect(text).toContain(String(boot));
  const beforeBoot = text.replace(String(boot), '00000000-0000-4000-8000-000000000000');
  writeFileSync(path, beforeBoot.replace(`"pid":${pid}`, '"pid":4190000'));
}

describe('a claim of a boot that is over', () => {
  it('is taken over at once on a local file system, where no other machine could have made it [H2, R45]', async () => {
    const place = unusedLock();
    await claimOfAnotherBoot(place);

    const grant = engine.tryAcquire(place.request());

    expect(grant?.recovered).toMatchObject({ pid: 4190000 });
    grant?.release();
  });

  it('is kept on a network drive, where it may be another machine’s [H2, H6]', async () => {
    const place = unusedLock();
    await claimOfAnotherBoot(place);
    vi.spyOn(fileSystems, 'of').mockReturnValue({ type: 'nfs4', reach: 'network', options: [] });

    expect(engine.tryAcquire(place.request())).toBe(undefined);
    expect(engine.inspect(place.request().path).holders).toMatchObject([{ pid: 4190000 }]);
  });
});
