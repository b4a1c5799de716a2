import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ContractError, DegradedError, UnsupportedError } from 'holdfast';
import { describe, expect, it } from 'vitest';
import { Cli } from '../../cli/cli.ts';
import { Agent } from '../../support/agent.ts';
import { type FuseLocks, mountedFuse } from '../../support/mounts.ts';
import { locksIn } from '../../support/place.ts';

const WHY: Record<FuseLocks, string> = {
  none: 'a FUSE file system, which counts as a network drive (fuse.holdfast), where nothing proves',
  refused: 'flock says EOPNOTSUPP',
  ignored: 'two descriptors got the same exclusive lock',
};

describe.each<FuseLocks>(['none', 'refused', 'ignored'])(
  'on a FUSE file system whose locks are %s',
  (locks) => {
    const { directory } = mountedFuse(locks);
    const home = () => directory();
    const manager = (options = {}) => locksIn(home(), { ...options });

    it('the portable engine is chosen by itself, says why, and keeps two processes apart [F1, H12, R49, R51]', async () => {
      const [one, other] = await Agent.several(home(), 2);
      await one.acquire('mirror');

      expect(await other.couldAcquire('mirror')).toBe(false);
      const told = await one.run(({ locks }) => [locks.lock?.contract, locks.lock?.degraded]);
      expect(told).toEqual([
        'claim',
        [expect.objectContaining({ reason: 'no-kernel-lock', detail: expect.stringContaining(WHY[locks]) })],
      ]);
      await one.kill();
      expect((await other.acquire('mirror')).recovered).toBe(true);
    });

    it('who requires the kernel, or is strict, holds nothing and leaves nothing [F1, H12]', async () => {
      const path = manager().pathOf('untouched');
      const left = () =>
        readdirSync(home(), { recursive: true }).filter((name) => path.endsWith(String(name)));

      await expect(manager({ require: 'kernel' }).acquire('untouched')).rejects.toThrow(ContractError);
      expect(left()).toEqual([]);
      await expect(manager({ strict: true }).acquire('untouched')).rejects.toThrow(DegradedError);
      expect(left()).toEqual([]);
    });

    it('the kernel by name is refused where it does not work, and called unproved where it does [F1, H12]', async () => {
      const asked = manager({ engine: 'kernel' }).acquire('by name');
      if (locks === 'none') {
        const lock = await asked;
        expect(lock.degraded.map(({ reason }) => reason)).toEqual(['network-drive']);
        await lock.release();
      } else {
        await expect(asked).rejects.toThrow(UnsupportedError);
        await expect(asked).rejects.toThrow(WHY[locks]);
      }
    });

    it('the command line says what it is, to the holder and to whoever meets it [R52, R82]', async () => {
      const cli = new Cli();
      const where = ['--directory', join(home(), 'cli')];
      const holder = await cli.hold(...where, 'mirror');
      expect(holder.stderr).toContain(
        'holdfast: warning: locked by the portable engine (contract claim), because',
      );
      expect(holder.stderr).toContain(WHY[locks]);

      const { stdout } = await cli.run(['who', ...where, 'mirror']);
      expect(stdout).toContain('mirror is held under the contract claim by');
      expect((await cli.run(['ls', ...where])).stdout).toMatch(/^mirror +exclusive +claim +\d+ /m);
      const busy = await cli.run(['run', ...where, '--no-wait', 'mirror', '--', 'true']);
      expect(busy.code).toBe(75);
      expect(busy.stderr).toContain('on a FUSE file system, which counts as a network drive (fuse.holdfast)');
      const refused = await cli.run(['run', ...where, '--require', 'kernel', 'other', '--', 'echo', 'ran']);
      expect([refused.code, refused.stdout]).toEqual([125, '']);
      expect(refused.stderr).toContain("only with the contract 'claim', and 'kernel' is required");
      holder.closeInput();
    });
  },
);
