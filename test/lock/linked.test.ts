import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DeadlockError, LockManager } from 'holdfast';
import { expect, it } from 'vitest';
import { newPlace } from '../support/place.ts';

it('a lock that is held already is refused as well by a manager whose directory leads there by a symbolic link [X18]', async () => {
  const { home, locks } = newPlace();
  symlinkSync(join(home, 'locks'), join(home, 'link'));
  const linked = new LockManager({ directory: join(home, 'link') });
  const patient = { timeout: 120_000 };

  await locks.with('mirror', async () => {
    await expect(linked.acquire('mirror', patient)).rejects.toBeInstanceOf(DeadlockError);
    await using lock = await linked.acquire('mirror', { ...patient, reentrant: true });
    lock.assertHeld();
  });

  expect(linked.directory).toBe(locks.directory);
});

it('a lock that is held already is refused as well in a fallback directory to which a symbolic link leads [X18]', async () => {
  const { home } = newPlace();
  mkdirSync(join(home, 'real'));
  symlinkSync(join(home, 'real'), join(home, 'link'));
  writeFileSync(join(home, 'file'), '');
  const [one, other] = ['real', 'link'].map(
    (name) => new LockManager({ directory: join(home, 'file'), fallbackDirectory: join(home, name) }),
  ) as [LockManager, LockManager];

  await one.with('mirror', async () => {
    await expect(other.acquire('mirror', { timeout: 60_000 })).rejects.toBeInstanceOf(DeadlockError);
  });
});
