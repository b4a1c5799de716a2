import {
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
import { describe, expect, it } from 'vitest';
import { queueDirectory } from '../../src/engine/kernel/entry.ts';
import { slotPath } from '../../src/engine/kernel/permit-slots.ts';
import { Agent } from '../support/agent.ts';
import { newPlace } from '../support/place.ts';
import { makeDevice, makeFifo } from '../support/tool.ts';

function setUp() {
  const { home, locks } = newPlace();
  const queue = queueDirectory(locks.pathOf('pool'));
  const slotOf = (permits: number) => slotPath(locks.pathOf('pool'), 0, permits);
  const elsewhere = join(home, 'elsewhere');
  for (const path of [locks.directory, elsewhere]) mkdirSync(path, { mode: 0o700 });
  const thesis = join(elsewhere, 'thesis');
  writeFileSync(thesis, 'precious');
  return { home, locks, queue, slotOf, elsewhere, thesis };
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
    const { home, locks, queue, thesis } = place;
    const slot = place.slotOf(2);
    mkdirSync(queue);
    plant(slot, place);
    const planted = lstatSync(slot);
    const [other] = await Agent.several(home, 1);

    const lock = await locks.acquire('pool', { permits: 2 });
    expect(await other.couldAcquire('pool', { permits: 2 })).toBe(false);
    await other.wait('pool', { permits: 2, timeout: 20_000 });
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
    const { locks, queue } = place;
    const slot = place.slotOf(1);
    mkdirSync(queue);
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
    const { locks, queue, elsewhere } = setUp();
    symlinkSync(elsewhere, queue);

    for (const permits of [1, 2]) {
      await expect(locks.acquire('pool', { permits, timeout: 0 })).rejects.toMatchObject({
        code: 'HOLDFAST_REFUSED',
        path: queue,
        message: expect.stringContaining('is a symbolic link where it is counted who holds a permit'),
      });
    }

    expect([readlinkSync(queue), readdirSync(elsewhere)]).toEqual([elsewhere, ['thesis']]);
    await (await locks.acquire('pool', { mode: 'shared' })).release();
  });

  it('a file gives nobody a permit either, and stays as it is [H18, R69]', async () => {
    const { locks, queue } = setUp();
    writeFileSync(queue, 'precious');

    await expect(locks.acquire('pool', { permits: 2 })).rejects.toMatchObject({
      code: 'HOLDFAST_REFUSED',
      path: queue,
    });

    expect(readFileSync(queue, 'utf8')).toBe('precious');
  });
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
