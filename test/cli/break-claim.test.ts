import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Place } from '../../src/engine/portable/place.ts';
import { self } from '../../src/identity/self.ts';
import { leaveClaim } from '../engine/portable/stale.ts';
import { Agent } from '../support/agent.ts';
import { locksIn } from '../support/place.ts';
import { Cli } from './cli.ts';

/** A home with a portable lock that a process of another machine holds, as far as can be told from here. */
async function heldElsewhere(mode: 'exclusive' | 'shared' = 'exclusive') {
  const cli = new Cli();
  const locks = locksIn(cli.home);
  const [holder] = await Agent.several(cli.home, 1);
  await holder.acquire('mirror', { engine: 'portable', purpose: 'nightly save', mode });
  const [record] = locks.inspect('mirror').holders;
  const claim = record?.claim ?? '';
  const path =
    mode === 'exclusive' ? locks.pathOf('mirror') : new Place(locks.pathOf('mirror')).readerPath(claim);
  const text = readFileSync(path, 'utf8');
  writeFileSync(
    path,
    text.replace(record?.boot ?? '', 'another-boot').replace(record?.machine ?? '', 'another-machine'),
  );
  return { cli, locks, holder, claim, path };
}

describe('a claim of which nobody here can tell whether its holder lives', () => {
  it('stays, and who says how to go on with it [F7, H6, R46]', async () => {
    const { cli, locks, claim } = await heldElsewhere();

    expect(await locks.tryAcquire('mirror')).toBe(undefined);
    const { stdout } = await cli.run(['who', 'mirror']);

    expect(stdout).toContain('mirror is held under the contract claim by "nightly save"');
    expect(stdout).toContain('whether it lives cannot be told from here');
    expect(stdout).toContain(`if it is gone for good: holdfast break --claim ${claim} mirror`);
    expect((await cli.run(['clean'])).stdout).toMatch(
      /^kept claim .*: nothing proves that its owner is dead$/m,
    );
  });

  it.each(['exclusive', 'shared'] as const)(
    'is broken by its exact id alone, held %s; the lock is free then, and its holder is told [H6, H9, R47]',
    async (mode) => {
      const { cli, locks, holder, claim } = await heldElsewhere(mode);
      const other = '0'.repeat(32);

      const wrong = await cli.run(['break', '--claim', other, '--yes', 'mirror']);
      expect(wrong.code).toBe(125);
      expect(wrong.stderr).toContain(`no claim ${other} stands there, but ${claim}`);
      const unasked = await cli.run(['break', '--claim', claim, 'mirror']);
      expect([unasked.code, unasked.stderr]).toEqual([
        125,
        expect.stringContaining('pass --yes to go ahead'),
      ]);
      expect(locks.inspect('mirror').state).toBe(mode);

      const broken = await cli.run(['break', '--claim', claim, '--yes', 'mirror']);

      expect([broken.code, broken.stdout]).toEqual([0, 'mirror is free\n']);
      const lock = await locks.acquire('mirror', { timeout: 0 });
      await expect(holder.run(({ locks }) => locks.lock?.assertHeld())).rejects.toMatchObject({
        code: 'HOLDFAST_LOST',
        reason: 'replaced',
      });
      await holder.release();
      lock.assertHeld();
      await lock.release();
    },
  );

  it('stays while somebody else is removing it, and break ends with 1 [H8, R47]', async () => {
    const { cli, locks, claim, path } = await heldElsewhere();
    leaveClaim(new Place(path).breakPath(claim), 'file', self());

    const { code, stderr } = await cli.run(['break', '--claim', claim, '--yes', 'mirror']);

    expect([code, stderr]).toEqual([
      1,
      expect.stringContaining('is being removed already, by its owner or by somebody else'),
    ]);
    expect(locks.inspect('mirror').holders).toMatchObject([{ claim }]);
  });

  it('is not broken while its holder is seen to live [H6, R46]', async () => {
    const cli = new Cli();
    const [holder] = await Agent.several(cli.home, 1);
    await holder.acquire('mirror', { engine: 'portable' });
    const { claim } = locksIn(cli.home).inspect('mirror').holders[0] ?? {};

    const { code, stderr } = await cli.run(['break', '--claim', claim ?? '', '--yes', 'mirror']);

    expect([code, stderr]).toEqual([
      125,
      expect.stringContaining('is alive. End it: holdfast break --kill mirror'),
    ]);
    await holder.run(({ locks }) => locks.lock?.assertHeld());
  });

  it('is asked for with both of kill and claim in vain, and needs an id', async () => {
    const cli = new Cli();
    expect((await cli.run(['break', '--kill', '--claim', 'x', 'mirror'])).code).toBe(125);
    expect((await cli.run(['break', '--claim', '', 'mirror'])).stderr).toContain('--claim needs a value');
  });
});
