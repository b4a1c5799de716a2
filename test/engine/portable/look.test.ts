import { chmodSync, mkdirSync, readdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LockManager } from 'holdfast';
import { describe, expect, it } from 'vitest';
import { directoryInPlace } from '../../../src/engine/kernel/rival.ts';
import { look } from '../../../src/engine/portable/look.ts';
import { CLAIM_FILE, CLAIM_SIGNATURE } from '../../../src/engine/signature.ts';
import { Agent } from '../../support/agent.ts';
import { asUser, Child, fixture } from '../../support/child.ts';
import { locksIn } from '../../support/place.ts';
import { tempDirectory } from '../../support/temp.ts';
import { requestFor } from '../harness.ts';
import { intercept } from './intercept.ts';

const CLAIMS = 10_000;

/** A path at which two claim directories take turns, until the function is called. */
async function claimsComeAndGo(): Promise<{ readonly path: string; readonly end: () => Promise<unknown> }> {
  const path = join(tempDirectory(), 'mirror.lock');
  const others = new Child(process.execPath, [
    fixture('claims-come-and-go.mjs'),
    path,
    CLAIM_FILE,
    CLAIM_SIGNATURE,
  ]);
  await others.line('ready');
  return { path, end: () => others.kill() };
}

it('never takes claims that come and go for a directory of somebody else [H15, R66]', async () => {
  const { path, end } = await claimsComeAndGo();

  const seen = new Set<string>();
  for (let claims = 0; claims < CLAIMS; ) {
    const { kind } = look(path);
    seen.add(kind);
    if (kind === 'claim') claims++;
  }

  await end();
  expect(seen).toEqual(new Set(['nothing', 'claim']));
});

it('nor does the kernel engine, which meets them in the place of its file [X25]', async () => {
  const { path, end } = await claimsComeAndGo();

  const seen = new Set<string>();
  for (let looks = 0; looks < CLAIMS / 5; looks++) seen.add(directoryInPlace(requestFor(path)).name);

  await end();
  expect(seen).toEqual(new Set(['EngineMismatchError']));
});

it('nor does it take one for such that is gone by the time its file is looked for [X25]', () => {
  const path = join(tempDirectory(), 'mirror.lock');
  mkdirSync(path);
  intercept(
    'lstatSync',
    (original) =>
      ((name: string, options: object) => {
        if (name === join(path, CLAIM_FILE)) rmdirSync(path);
        return original(name, options);
      }) as typeof original,
  );

  expect(directoryInPlace(requestFor(path)).name).toBe('EngineMismatchError');
});

it('is refused at once by the kernel engine when it is a directory of somebody else [X25, H15]', () => {
  const path = tempDirectory();

  expect(directoryInPlace(requestFor(path)).message).toContain('is a directory');
});

/** Whoever waits does so for ever: what ends at once must not need the time. */
const PATIENT = { timeout: 60_000 };

describe('where the way to the lock is closed', () => {
  it.each(['file', 'file/locks'])(
    'by a file in the place of a directory (%s), that is said at once [X26]',
    async (name) => {
      const home = tempDirectory();
      writeFileSync(join(home, 'file'), '');
      const locks = new LockManager({ directory: join(home, name), engine: 'portable' });

      for (const mode of ['exclusive', 'shared'] as const) {
        const refused = { code: 'HOLDFAST_UNWRITABLE' };
        await expect(locks.acquire('mirror', { ...PATIENT, mode })).rejects.toMatchObject(refused);
        await expect(locks.tryAcquire('mirror', { mode })).rejects.toMatchObject(refused);
        expect(() => locks.acquireSync('mirror', { ...PATIENT, mode })).toThrow(
          /cannot be made: E\w+\. Move \S+ away: a directory has to be there, choose another/,
        );
      }
      expect(readdirSync(home)).toEqual(['file']);
    },
  );

  it('to this user alone, that is said at once, and what he may not read is still held [X26]', async () => {
    const home = tempDirectory();
    const locks = locksIn(home, { engine: 'portable' });
    const held = await locks.acquire('mirror');
    const agent = await Agent.start({ home, through: asUser(65534) });
    await agent.manage({ engine: 'portable', directory: locks.directory });

    await expect(agent.acquire('mirror', PATIENT)).rejects.toMatchObject({
      code: 'HOLDFAST_UNWRITABLE',
      systemCode: 'EACCES',
    });

    chmodSync(locks.directory, 0o755);
    await expect(agent.acquire('mirror', { timeout: 1 })).rejects.toMatchObject({ code: 'HOLDFAST_TIMEOUT' });
    await held.release();
  });
});
