import { chmodSync, chownSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { Place } from '../../../src/engine/portable/place.ts';
import { CLAIM_FILE } from '../../../src/engine/signature.ts';
import type { HolderRecord } from '../../../src/identity/holder.ts';
import { self } from '../../../src/identity/self.ts';
import { fileResource } from '../../../src/lock/resource.ts';
import { Agent } from '../../support/agent.ts';
import { asUser } from '../../support/child.ts';
import { needsRoot } from '../../support/root.ts';
import { tempDirectory } from '../../support/temp.ts';
import { deadProcess, leaveClaim } from './stale.ts';

const NOBODY = 65534;
const STRANGER = 61234; // a uid that no user database knows
const MODES = ['exclusive', 'shared'] as const;

beforeEach(() => needsRoot());

describe.each(['file', 'directory'] as const)('in a directory open to all users (lock %s)', (layout) => {
  const options = { engine: 'portable', layout, timeout: 0 } as const;

  /** Data in such a directory, and its owner, who wants its lock. */
  async function sharedPlace() {
    const directory = join(tempDirectory(), 'shared');
    openDirectory(directory);
    const target = { file: join(directory, 'roles.json') };
    writeFileSync(target.file, '{}');
    chownSync(target.file, NOBODY, NOBODY);
    const place = new Place(fileResource(target.file).path);
    const nobody = await Agent.start({ home: tempDirectory(), through: asUser(NOBODY) });
    return { target, place, nobody };
  }

  function leaveClaimOf(uid: number, path: string, holder: HolderRecord = self()): void {
    leaveClaim(path, layout, holder);
    for (const each of layout === 'directory' ? [path, join(path, CLAIM_FILE)] : [path]) {
      chmodSync(each, 0o755);
      chownSync(each, uid, uid);
    }
  }

  function openDirectory(path: string, owner = 0): void {
    mkdirSync(path);
    chmodSync(path, 0o1777);
    chownSync(path, owner, owner);
  }

  it('a claim that a stranger planted is refused, whatever it says, and stays [X55, R65, R69, H17]', async () => {
    for (const holder of [self(), deadProcess()]) {
      const { target, place, nobody } = await sharedPlace();
      leaveClaimOf(STRANGER, place.lock, holder);

      for (const mode of MODES) {
        await expect(nobody.acquire(target, { ...options, mode })).rejects.toMatchObject({
          code: 'HOLDFAST_REFUSED',
          path: place.lock,
          message: expect.stringContaining(`belongs to user id ${STRANGER}`),
        });
      }

      expect(existsSync(place.lock)).toBe(true);
    }
  });

  it('a queue directory that a stranger made is refused [X55, R65, R69, H17]', async () => {
    const { target, place, nobody } = await sharedPlace();
    openDirectory(place.queue, STRANGER);

    for (const mode of MODES) {
      await expect(nobody.acquire(target, { ...options, mode })).rejects.toMatchObject({
        code: 'HOLDFAST_REFUSED',
        path: place.queue,
      });
    }

    expect(existsSync(place.lock)).toBe(false);
  });

  it('a directory of readers that a stranger made is refused [X55, R65, R69, H17]', async () => {
    const { target, place, nobody } = await sharedPlace();
    openDirectory(place.queue);
    openDirectory(place.readers, STRANGER);

    for (const mode of MODES) {
      await expect(nobody.acquire(target, { ...options, mode })).rejects.toMatchObject({
        code: 'HOLDFAST_REFUSED',
        path: place.readers,
      });
    }

    expect(existsSync(place.lock)).toBe(false);
  });

  it('a claim of another user that may not be read is held, for all that can be told [F7, H17]', async () => {
    const { target, place, nobody } = await sharedPlace();
    leaveClaimOf(0, place.lock, deadProcess());
    chmodSync(place.lock, 0o700);

    for (const mode of MODES) {
      await expect(nobody.acquire(target, { ...options, mode })).rejects.toMatchObject({
        code: 'HOLDFAST_BUSY',
      });
    }

    rmSync(place.lock, { recursive: true });
    await nobody.acquire(target, options);
  });
});
