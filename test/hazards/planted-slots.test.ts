import {
  chmodSync,
  chownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { LockManager } from 'holdfast';
import { describe, expect, it } from 'vitest';
import { permitsDirectory, slotPath } from '../../src/engine/file/permits.ts';
import { Agent } from '../support/agent.ts';
import { asUser } from '../support/child.ts';
import { within } from '../support/deadline.ts';
import { newPlace } from '../support/place.ts';
import { tempDirectory } from '../support/temp.ts';
import { makeDevice, makeFifo } from '../support/tool.ts';

function setUp() {
  const { home, locks } = newPlace();
  const counted = permitsDirectory(locks.pathOf('pool'));
  const slotOf = (permits: number) => slotPath(locks.pathOf('pool'), 0, permits);
  const elsewhere = join(home, 'elsewhere');
  for (const path of [locks.directory, elsewhere]) mkdirSync(path, { mode: 0o700 });
  const thesis = join(elsewhere, 'thesis');
  writeFileSync(thesis, 'precious');
  return { home, locks, counted, slotOf, elsewhere, thesis };
}

type Place = ReturnType<typeof setUp>;

const plants: [string, (slot: string, place: Place) => void][] = [
  ['a hard link', (slot, { thesis }) => linkSync(thesis, slot)],
  ['a symbolic link', (slot, { thesis }) => symlinkSync(thesis, slot)],
  ['a file of somebody else', (slot) => writeFileSync(slot, 'precious')],
  ['a directory', (slot) => mkdirSync(slot)],
  ['a FIFO', makeFifo],
  ['a device', makeDevice],
];

describe.each(plants)('%s in the place of a permit', (_what, plant) => {
  it('is one permit less, and stays as it is [H18, R69]', async () => {
    const place = setUp();
    const { home, locks, counted, thesis } = place;
    const slot = place.slotOf(2);
    mkdirSync(counted);
    plant(slot, place);
    const planted = lstatSync(slot);
    const [other] = await Agent.several(home, 1);

    const lock = await locks.acquire('pool', { permits: 2 });
    expect(await other.couldAcquire('pool', { permits: 2 })).toBe(false);
    await other.wait('pool', { permits: 2, timeout: 120_000 });
    await lock.release();
    await other.granted();
    await other.release();

    const { ino, mode, nlink, size, mtimeMs } = lstatSync(slot);
    expect({ ino, mode, nlink, size, mtimeMs }).toEqual({
      ino: planted.ino,
      mode: planted.mode,
      nlink: planted.nlink,
      size: planted.size,
      mtimeMs: planted.mtimeMs,
    });
    expect(readFileSync(thesis, 'utf8')).toBe('precious');
  });

  it('is named by an error where no other permit is left, and plain sharing works [H18, R69]', async () => {
    const place = setUp();
    const { locks, counted } = place;
    const slot = place.slotOf(1);
    mkdirSync(counted);
    plant(slot, place);

    const refused = {
      code: 'HOLDFAST_REFUSED',
      path: slot,
      message: expect.stringContaining('move it away'),
    };
    await expect(locks.acquire('pool', { permits: 1 })).rejects.toMatchObject(refused);
    await expect(locks.acquire('pool', { permits: 1, timeout: 0 })).rejects.toMatchObject(refused);

    await (await locks.acquire('pool', { mode: 'shared' })).release();
    await (await locks.acquire('pool')).release();
  });
});

describe('in the place of the directory in which permits are counted', () => {
  it('a link gives nobody a permit, and nothing is made at its end [H18, R69]', async () => {
    const { locks, counted, elsewhere } = setUp();
    symlinkSync(elsewhere, counted);

    for (const permits of [1, 2]) {
      await expect(locks.acquire('pool', { permits, timeout: 0 })).rejects.toMatchObject({
        code: 'HOLDFAST_REFUSED',
        path: counted,
        message: expect.stringContaining('is a symbolic link where it is counted who holds a permit'),
      });
    }

    expect([readlinkSync(counted), readdirSync(elsewhere)]).toEqual([elsewhere, ['thesis']]);
    await (await locks.acquire('pool', { mode: 'shared' })).release();
  });

  it('a file gives nobody a permit either, and stays as it is [H18, R69]', async () => {
    const { locks, counted } = setUp();
    writeFileSync(counted, 'precious');

    await expect(locks.acquire('pool', { permits: 2 })).rejects.toMatchObject({
      code: 'HOLDFAST_REFUSED',
      path: counted,
    });

    expect(readFileSync(counted, 'utf8')).toBe('precious');
  });
});

it('a directory for permits that a stranger planted, who could take slots away from under their holders, is refused [X7, R69]', async () => {
  const shared = join(tempDirectory(), 'shared');
  mkdirSync(shared);
  chmodSync(shared, 0o1777);
  const target = { file: join(shared, 'roles.json') };
  writeFileSync(target.file, '{}', { mode: 0o644 });
  const locks = new LockManager();
  const counted = permitsDirectory(locks.pathOf(target));
  mkdirSync(counted);
  chownSync(counted, 61234, 61234);
  const nobody = await Agent.start({ home: tempDirectory(), through: asUser(65534) });

  for (const ask of [
    () => locks.acquire(target, { permits: 1 }),
    () => nobody.acquire(target, { permits: 1 }),
  ]) {
    await expect(ask()).rejects.toMatchObject({
      code: 'HOLDFAST_REFUSED',
      path: counted,
      message: expect.stringContaining('belongs to user id 61234'),
    });
  }
});

it('a holder whose slot is gone is told by the lock [X7]', async () => {
  const { locks, slotOf } = setUp();
  const lock = await locks.acquire('pool', { permits: 1 });
  const told = new Promise<void>((resolve) => lock.signal.addEventListener('abort', () => resolve()));

  rmSync(slotOf(1));

  expect(() => lock.assertHeld()).toThrow(expect.objectContaining({ code: 'HOLDFAST_LOST' }));
  await within(told, 'waiting for the signal of a lost permit');
  await lock.release();
});

it('a permit is given back without touching what took its file’s place meanwhile [H9, R69]', async () => {
  const { locks, slotOf } = setUp();
  const lock = await locks.acquire('pool', { permits: 1 });
  const slot = slotOf(1);
  rmSync(slot);
  writeFileSync(slot, 'precious');

  await lock.release();

  expect(readFileSync(slot, 'utf8')).toBe('precious');
});
