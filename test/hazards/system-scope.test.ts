import { chmodSync, existsSync, mkdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { Agent } from '../support/agent.ts';
import { asUser } from '../support/child.ts';
import { mountTmpfs } from '../support/disk.ts';
import { tempDirectory } from '../support/temp.ts';

const PLACE = '/var/lib/holdfast';
const wasThere = existsSync(PLACE);

/** The directory of the whole machine, as its administrator makes it, on a file system of this test's own. */
beforeEach(() => {
  if (process.getuid?.() !== 0) throw new Error('These tests change users, so they must run as root.');
  if (!wasThere) onTestFinished(() => rmdirSync(PLACE));
  mountTmpfs(PLACE, 'mode=755');
  mkdirSync(join(PLACE, 'locks'));
  chmodSync(join(PLACE, 'locks'), 0o1777);
});

/** Processes of three users, each of whom keeps what it makes to itself as far as it can. */
async function users(): Promise<[Agent, Agent, Agent]> {
  const start = async (uid: number) => {
    const through = asUser(uid);
    const agent = await Agent.start({ home: tempDirectory(), ...(uid === 0 ? {} : { through }), env: {} });
    await agent.run((_, mask) => void process.umask(mask), 0o077);
    await agent.manage({ scope: 'system' });
    return agent;
  };
  return [await start(0), await start(65534), await start(61234)];
}

const BUSY = { code: 'HOLDFAST_BUSY' };

describe('a lock of the whole machine', () => {
  it('keeps out other users, who are told whose it is, and is theirs afterwards [H17, R82]', async () => {
    const [root, nobody, somebody] = await users();
    for (const [holder, other] of [
      [root, nobody],
      [nobody, somebody],
      [somebody, root],
    ] as const) {
      await holder.acquire('mirror');
      await expect(other.acquire('mirror', { timeout: 0 })).rejects.toMatchObject({
        ...BUSY,
        message: expect.stringMatching(/Look: holdfast who --system mirror · /),
        holders: [expect.objectContaining({ pid: holder.pid })],
      });
      await holder.release();
    }
  });

  it('is waited for in one line by all users [R7, H17]', async () => {
    const [root, nobody, somebody] = await users();
    await root.acquire('mirror');
    await nobody.wait('mirror', { timeout: 60_000 });
    await somebody.wait('mirror', { timeout: 60_000 });

    for (const next of [nobody, somebody]) {
      await (next === nobody ? root : nobody).release();
      await next.run(({ waits }) => waits.lock?.then(() => undefined));
    }
  });

  it('is shared by users [R4, H17]', async () => {
    const [root, nobody, somebody] = await users();
    await nobody.acquire('mirror', { mode: 'shared' });
    await root.acquire('mirror', { mode: 'shared' });

    await expect(somebody.acquire('mirror', { timeout: 0 })).rejects.toMatchObject(BUSY);
    await nobody.release();
    await root.release();
    await somebody.acquire('mirror', { timeout: 0 });
  });

  it('has as many permits for all users together as they agreed on [H17]', async () => {
    const [root, nobody, somebody] = await users();
    await root.acquire('download', { permits: 2 });
    await nobody.acquire('download', { permits: 2 });

    await expect(somebody.acquire('download', { permits: 2, timeout: 0 })).rejects.toMatchObject(BUSY);
    await root.release();
    await somebody.acquire('download', { permits: 2, timeout: 0 });
    await expect(root.acquire('download', { permits: 2, timeout: 0 })).rejects.toMatchObject(BUSY);
  });
});
