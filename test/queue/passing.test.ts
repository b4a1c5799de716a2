import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EngineName } from 'holdfast';
import { describe, expect, it } from 'vitest';
import { Agent } from '../support/agent.ts';
import { Latch } from '../support/latch.ts';
import { locksIn } from '../support/place.ts';
import { tempDirectory } from '../support/temp.ts';
import { untilAsleepIn, untilStopped } from '../support/until.ts';

const PERMIT = { permits: 2 } as const;
const SHARED = { mode: 'shared' } as const;

/** What the holders have, what the one ahead waits for, and what the one behind it. */
const modes = {
  exclusive: { holders: [{}], ahead: {}, behind: {} },
  shared: { holders: [SHARED], ahead: {}, behind: SHARED },
  permits: { holders: [PERMIT, PERMIT], ahead: PERMIT, behind: PERMIT },
} as const;

/** What becomes of the one ahead, and whether others see that it cannot take its turn. */
const states = {
  stopped: async ({ pid }: Agent) => stop(pid),
  blocked: async (agent: Agent, home: string) => {
    const thaw = new Latch(join(home, 'thaw'));
    agent.run(({ fs }, thaw) => fs.closeSync(fs.openSync(thaw, 'r')), thaw.path).catch(() => {});
    await untilAsleepIn(agent.pid, 'wait_for_partner');
  },
  killed: async (agent: Agent) => agent.kill(),
  'in another pid namespace': async ({ pid }: Agent) =>
    stop(Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8'))),
};
type State = keyof typeof states;

async function stop(pid: number): Promise<void> {
  process.kill(pid, 'SIGSTOP');
  await untilStopped(pid);
}

const table = (['kernel', 'portable'] as const).flatMap((engine) =>
  (Object.keys(modes) as (keyof typeof modes)[]).flatMap((mode) =>
    (Object.keys(states) as State[]).map((state): [EngineName, keyof typeof modes, State] => [
      engine,
      mode,
      state,
    ]),
  ),
);

describe.each(table)('by the %s engine, %s, a waiter that is %s', (engine, mode, state) => {
  it('is passed by the one behind it, once there is what it could have taken itself [X22, X23, R81]', async () => {
    const home = tempDirectory();
    const locks = locksIn(home, { engine });
    const manager = { directory: locks.directory, engine };
    const { holders, ahead, behind } = modes[mode];
    const held = (await Agent.several(home, 2)).slice(0, holders.length);
    for (const [at, agent] of held.entries()) {
      await agent.manage(manager);
      await agent.acquire('pool', holders[at]);
    }
    const through =
      state === 'in another pid namespace' ? ['unshare', '--pid', '--fork', '--kill-child'] : [];
    const first = await Agent.start({ home, env: {}, through, manager });
    await first.wait('pool', { ...ahead, timeout: 120_000 });
    const second = locks.acquire('pool', { ...behind, timeout: 120_000 });

    await states[state](first, home);
    // Readers in the lock keep a writer from it, so nothing shows that it would not take it, unless it is seen to be gone.
    const isSeen = state === 'stopped' || state === 'killed';
    if (mode !== 'shared' || !isSeen) await held[0]?.release();

    await (await second).release();
    expect(locks.inspect('pool').state).toBe(
      mode === 'exclusive' || (mode === 'shared' && !isSeen) ? 'free' : 'shared',
    );
  });
});
