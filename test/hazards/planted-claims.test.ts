import { chmodSync, lstatSync, mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Place } from '../../src/engine/portable/place.ts';
import { CLAIM_FILE, CLAIM_SIGNATURE } from '../../src/engine/signature.ts';
import { fileResource } from '../../src/lock/resource.ts';
import { Agent } from '../support/agent.ts';
import { asUser, Child } from '../support/child.ts';
import { locksIn } from '../support/place.ts';
import { tempDirectory } from '../support/temp.ts';
import { makeFifo } from '../support/tool.ts';
import { untilAsleepIn } from '../support/until.ts';

const HUGE = 3 * 2 ** 30; // more than Node.js reads at once

/** Where the portable engine would have left a claim, as the kernel engine meets it in another process. */
async function setUp() {
  const home = tempDirectory();
  const path = locksIn(home).pathOf('mirror');
  const agent = await Agent.start({ home, env: {} });
  return {
    agent,
    claim: join(path, CLAIM_FILE),
    reader: new Place(path).readerPath('0'.repeat(32)),
    lockFile: path,
  };
}

function plantFifo(path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  makeFifo(path);
}

describe('in the place of a claim', () => {
  it('a FIFO inside a lock directory is refused at once, and whoever waits at it goes on waiting [H18, R66]', async () => {
    const { agent, claim } = await setUp();
    plantFifo(claim);
    const writer = new Child('sh', ['-c', 'echo text > "$0"', claim]);
    await untilAsleepIn(writer.pid, 'wait_for_partner');

    for (const timeout of [0, 20_000]) {
      const refused = agent.acquire('mirror', { engine: 'kernel', timeout });
      await expect(refused).rejects.toMatchObject({ code: 'HOLDFAST_REFUSED' });
    }

    await untilAsleepIn(writer.pid, 'wait_for_partner');
    expect(lstatSync(claim).isFIFO()).toBe(true);
  });

  it('a FIFO among the claims of readers is nobody, and keeps the lock from nobody [H18, R66]', async () => {
    const { agent, reader, lockFile } = await setUp();
    plantFifo(reader);
    writeFileSync(lockFile, '');

    for (const mode of ['exclusive', 'shared'] as const) {
      await agent.acquire('mirror', { engine: 'kernel', mode });
      await agent.release();
    }

    expect(lstatSync(reader).isFIFO()).toBe(true);
  });

  it('a huge file is read no further than its beginning, which is what counts [H15, R66]', async () => {
    for (const place of ['claim', 'reader'] as const) {
      const here = await setUp();
      mkdirSync(dirname(here[place]), { recursive: true, mode: 0o700 });
      writeFileSync(here[place], `${CLAIM_SIGNATURE}holder {}\n`);
      truncateSync(here[place], HUGE);

      const refused = here.agent.acquire('mirror', { engine: 'kernel' });
      await expect(refused).rejects.toMatchObject({ code: 'HOLDFAST_MISMATCH' });
    }
  });

  it('a reader that must not be read may be one that lives, so the kernel’s lock is refused [H12, H17]', async () => {
    const home = tempDirectory();
    const target = { file: join(home, 'roles.json') };
    const { path: lockFile } = fileResource(target.file);
    const reader = new Place(lockFile).readerPath('0'.repeat(32));
    mkdirSync(dirname(reader), { recursive: true });
    writeFileSync(reader, `${CLAIM_SIGNATURE}holder {}\n`, { mode: 0o600 });
    writeFileSync(lockFile, '', { mode: 0o666 });
    chmodSync(lockFile, 0o666);
    const stranger = await Agent.start({
      home: tempDirectory(),
      through: asUser(65534),
    });

    await expect(stranger.acquire(target, { engine: 'kernel', timeout: 0 })).rejects.toMatchObject({
      code: 'HOLDFAST_REFUSED',
      message: expect.stringMatching(/readers.*cannot be read \(EACCES\)/),
    });
  });
});
