import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { self } from '../../../src/identity/self.ts';
import { LockManager } from '../../../src/lock/manager.ts';
import type { ManagerOptions } from '../../../src/lock/options.ts';
import { fileSystems } from '../../../src/storage/file-system/index.ts';
import { looksTaken } from '../../support/looks.ts';
import { tempDirectory } from '../../support/temp.ts';
import { timeoutOf } from '../../support/timeout.ts';
import { staysOpen } from '../../support/turns.ts';
import { leaveClaim } from '../portable/stale.ts';

afterEach(() => vi.restoreAllMocks());

/** A manager whose locks lie on this network drive, as far as it can tell. */
function onDrive(type: string, options: readonly string[] = [], manager: ManagerOptions = {}): LockManager {
  vi.spyOn(fileSystems, 'of').mockReturnValue({ type, reach: 'network', options });
  return new LockManager({ directory: `${tempDirectory()}/locks`, ...manager });
}

describe.each([
  ['nfs4', 'an NFS network drive (nfs4)'],
  ['cifs', 'an SMB network drive (cifs)'],
  ['fuse.sshfs', 'a FUSE file system, which counts as a network drive (fuse.sshfs)'],
  ['9p', 'a directory shared with a virtual machine (9p)'],
])('on %s', (type, words) => {
  it('the portable engine is taken, and says why [F1, H12, R49, R51]', async () => {
    await onDrive(type).with('mirror', (lock) => {
      expect(lock.contract).toBe('claim');
      expect(lock.degraded).toMatchObject([
        { reason: 'no-kernel-lock', detail: expect.stringContaining(words), path: lock.path },
      ]);
    });
  });

  it('waits last 30 seconds where nobody says, and as long as they were told to otherwise [R50]', async () => {
    expect(await timeoutOf(onDrive(type))).toBe(30_000);
    expect(await timeoutOf(onDrive(type), { timeout: 7 })).toBe(7);
    expect(await timeoutOf(onDrive(type, [], { timeout: 8 }))).toBe(8);
  });

  it('errors of busy locks name the drive and what that means [R52]', async () => {
    const locks = onDrive(type);
    const held = await locks.acquire('mirror');
    for (const timeout of [0, 20]) {
      await expect(locks.acquire('mirror', { timeout })).rejects.toThrow(
        `on ${words}: the holder may be on another machine`,
      );
    }
    await held.release();
  });
});

it.each([
  ['a few times in a second where nobody says', {}, [3, 40]],
  ['as often as it was told to otherwise', { pollInterval: 5 }, [150, 500]],
] as const)('a wait on a network drive looks %s [R50]', async (_how, options, [least, most]) => {
  const locks = onDrive('nfs4', [], options);
  mkdirSync(locks.directory, { mode: 0o700 });
  leaveClaim(locks.pathOf('mirror'), 'file', self());
  const waiting = locks.acquire('mirror');
  const before = looksTaken();

  expect(await staysOpen(waiting)).toBe(true);

  expect(looksTaken() - before).toBeGreaterThan(least);
  expect(looksTaken() - before).toBeLessThan(most);
  rmSync(locks.pathOf('mirror'));
  await (await waiting).release();
});

describe('the kernel’s lock on a network drive', () => {
  it('is refused to who requires the kernel’s contract and left the choice, before anything is made [F1, H12]', async () => {
    const locks = onDrive('nfs4', [], { require: 'kernel' });

    await expect(locks.acquire('mirror')).rejects.toMatchObject({
      code: 'HOLDFAST_CONTRACT',
      available: 'claim',
      message: expect.stringContaining('an NFS network drive (nfs4)'),
    });

    expect(existsSync(locks.directory)).toBe(false);
  });

  it('is given to who asks for it by name, and told to be unproved between machines [F1]', async () => {
    await onDrive('nfs4', ['rw', 'local_lock=none'], { engine: 'kernel' }).with('mirror', (lock) => {
      expect(lock.contract).toBe('kernel');
      expect(lock.degraded).toMatchObject([
        { reason: 'network-drive', detail: expect.stringContaining('only as far as the server sees to it') },
      ]);
    });
    await expect(
      onDrive('nfs4', [], { engine: 'kernel', strict: true }).acquire('mirror'),
    ).rejects.toMatchObject({ code: 'HOLDFAST_DEGRADED' });
  });

  it.each([
    ['nfs', 'nolock'],
    ['cifs', 'nobrl'],
  ])('on %s with %s is said to be of this machine alone [H12, R52]', async (type, option) => {
    await onDrive(type, ['rw', option], { engine: 'kernel' }).with('mirror', ({ degraded: [told] }) => {
      expect(told?.detail).toContain(`mount option ${option} keeps the lock on this machine`);
    });
    await onDrive(type, ['rw', option]).with('mirror', ({ degraded: [told] }) => {
      expect(told?.detail).toContain(`whose mount option ${option} keeps the kernel's lock on this machine`);
    });
  });

  it('is followed where others use it already, and then said to be unproved [F1]', async () => {
    const locks = onDrive('nfs4');
    await locks.with('mirror', { engine: 'kernel' }, () => {});

    await locks.with('mirror', (lock) => {
      expect(lock.contract).toBe('kernel');
      expect(lock.degraded.map(({ reason }) => reason)).toEqual(['network-drive']);
    });
  });
});
