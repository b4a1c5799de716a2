import { chmodSync, existsSync, mkdirSync, readdirSync, rmdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { LockManager } from 'holdfast';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { Cli, main } from '../cli/cli.ts';
import { Agent } from '../support/agent.ts';
import { asUser } from '../support/child.ts';
import { mountTmpfs } from '../support/disk.ts';
import { needsRoot } from '../support/root.ts';
import { tempDirectory } from '../support/temp.ts';
import { until } from '../support/until.ts';

const PLACE = '/var/lib/holdfast';
const wasThere = existsSync(PLACE);

/** The directory of the whole machine, as its administrator makes it, on a file system of this test's own. */
beforeEach(() => {
  needsRoot();
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

/** What is in the queue directory of the lock with this name. */
function filesBeside(name: string): string[] {
  const locks = new LockManager({ scope: 'system' });
  const queue = `${locks.pathOf(name)}.queue`;
  return existsSync(queue) ? readdirSync(queue) : [];
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

  it.each(['000', '077'])(
    'is for all users whatever the umask of root, who takes the first (%s) [X33, X36, H17]',
    async (umask) => {
      rmdirSync(join(PLACE, 'locks'));
      const [root, nobody] = await users();
      await root.run((_, mask) => void process.umask(mask), Number.parseInt(umask, 8));

      const { path } = await root.acquire('mirror');
      await root.release();

      const modes = [join(PLACE, 'locks'), path].map((each) => statSync(each).mode & 0o7777);
      expect(modes).toEqual([0o1777, 0o666]);
      expect((await nobody.acquire('mirror')).degraded).toEqual([]);
    },
  );

  it('shows all users who waits for it, in whatever order they come and whatever their umasks [X33]', async () => {
    const [root, nobody, somebody] = await users();
    await root.acquire('mirror');
    await nobody.wait('mirror', { timeout: 60_000 });
    await somebody.wait('mirror', { timeout: 60_000 });

    for (const user of [root, nobody, somebody]) {
      const waiting = await user.run(({ manager }) =>
        manager.inspect('mirror').waiters.map(({ record }) => record.pid),
      );
      expect(waiting).toEqual([nobody.pid, somebody.pid]);
    }
  });

  it.each(['kernel', 'portable'] as const)(
    'is held in no deadlock of two users without one of them being told, on the %s engine [X18]',
    async (engine) => {
      const [, nobody, somebody] = await users();
      const cross = async (agent: Agent, holds: string, wants: string) => {
        await agent.manage({ scope: 'system', engine });
        await agent.run((_, mask) => void process.umask(mask), 0o022);
        const outcome = agent.run(
          async ({ holdfast, manager, values, tell }, holds, wants) => {
            const degraded: string[] = [];
            holdfast.onLockEvent('degraded', ({ degradation }) => degraded.push(degradation.detail));
            const ask = async () => {
              tell(`holds ${holds}`);
              await new Promise((resolve) => {
                values.go = resolve;
              });
              return manager.with(wants, { timeout: 60_000 }, () => 'granted').catch(({ code }) => code);
            };
            const end: string = await manager.with(holds, ask);
            return { end, degraded };
          },
          holds,
          wants,
        );
        await agent.heard(`holds ${holds}`);
        return { outcome };
      };
      const first = await cross(nobody, 'a', 'b');
      const second = await cross(somebody, 'b', 'a');
      const go = (agent: Agent) => agent.run(({ values }) => (values.go as () => void)());

      await go(nobody);
      await until(() => filesBeside('a').some((name) => name.includes('waits')), 'the first wait is noted');
      await go(somebody);

      expect(await second.outcome).toMatchObject({ end: 'HOLDFAST_DEADLOCK' });
      expect(await first.outcome).toMatchObject({ end: 'granted' });
      expect((await second.outcome).degraded).toEqual((await first.outcome).degraded);
    },
  );

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

  it.each(['kernel', 'portable'])(
    'is had nested under a permit by all users, whoever had that permit before, on the %s engine [X1, X33, H17]',
    async (engine) => {
      const cli = new Cli();
      chmodSync(cli.home, 0o755);
      const options = ['run', '-n', '--system', '--engine', engine, '--permits', '2', 'download', '--'];
      const nested = [process.execPath, main, ...options, 'echo', 'nested'];
      for (const uid of [65534, 61234, 65534]) {
        expect(await cli.asUser(uid, [...options, ...nested]).finish()).toMatchObject({
          code: 0,
          stdout: 'nested\n',
        });
      }
    },
  );
});
