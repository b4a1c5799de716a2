import { rmSync, statSync, symlinkSync } from 'node:fs';
import { once } from 'holdfast/once';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { fill, smallDisk } from '../support/disk.ts';
import { newHome } from '../support/place.ts';
import { makeFifo } from '../support/tool.ts';
import { counts, recorded } from './recorded.ts';

describe('a record', () => {
  it.each<[string, (file: string) => void]>([
    ['a link', (file) => symlinkSync('/etc/passwd', file)],
    ['a FIFO', makeFifo],
  ])('that is %s is none, is not waited for, and gives way to a result [H18]', async (_, plant) => {
    const { file } = await recorded();
    rmSync(file);
    plant(file);
    expect(await counts()).toBe(false);
    expect(statSync(file).isFile()).toBe(true);
  });
});

describe('on a full disk', () => {
  beforeEach(() => void newHome());

  it('nothing is run whose result could not be recorded [H14]', async () => {
    const { disk } = smallDisk('size=64k');
    await once('other', () => 1, { directory: disk });
    fill(disk);
    const work = vi.fn();
    await expect(once('build', work, { directory: disk })).rejects.toMatchObject({
      code: 'HOLDFAST_UNRECORDED',
      ran: false,
      message: expect.stringContaining('ENOSPC'),
    });
    expect(work).not.toHaveBeenCalled();
    expect(await once('other', () => 2, { directory: disk })).toBe(1);
  });

  it.each<[string, () => unknown, string]>([
    ['success', () => 'done', 'done'],
    ['failure', () => Promise.reject(new Error('no room')), 'HOLDFAST_ONCE_FAILED'],
  ])('the %s of the very run that has filled it is recorded [A1, H14, X58]', async (_, end, recalled) => {
    const { disk } = smallDisk('size=64k');
    const options = { directory: disk, failureTtl: 60_000 };
    const fillUp = () => {
      fill(disk);
      return end();
    };
    await once('build', fillUp, options).catch(() => {});
    expect(await once('build', () => 'again', options).catch(({ code }) => code)).toBe(recalled);
  });

  it('a result that does not fit any more is an error that has it, and the old one stays [G4, H14]', async () => {
    const { disk } = smallDisk('size=64k');
    await once('build', () => 'old', { directory: disk });
    const big = { directory: disk, ttl: 0 };
    await expect(once('build', () => 'x'.repeat(100_000), big)).rejects.toMatchObject({
      code: 'HOLDFAST_UNRECORDED',
      ran: true,
      value: expect.stringMatching(/^x{100000}$/),
    });
    expect(await once('build', () => 'new', { directory: disk })).toBe('old');
  });
});
