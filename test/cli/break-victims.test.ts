import { describe, expect, it } from 'vitest';
import { victimsOf } from '../../src/cli/break/victims.ts';
import { descendantsOf } from '../../src/command/heirs.ts';
import type { HolderRecord } from '../../src/identity/holder.ts';
import { recordOf } from '../../src/identity/index.ts';
import { Child } from '../support/child.ts';
import { newLocks } from '../support/place.ts';
import { until } from '../support/until.ts';

/** What is seen of a lock that this process holds. */
async function heldHere() {
  const locks = newLocks();
  await using _lock = await locks.acquire('mirror', { mode: 'shared' });
  const info = locks.inspect('mirror');
  const [own] = info.holders as [HolderRecord];
  return { info, own };
}

describe('the processes that break is to end', () => {
  it('are those of the holders, the command before the holdfast run around it [A4]', async () => {
    const { info, own } = await heldHere();
    const child = { pid: process.pid, start: own.start as string };

    const victims = victimsOf({ ...info, holders: [{ ...own, child }] });

    expect(victims.map(({ isWrapper, identity: { pid } }) => ({ isWrapper, pid }))).toEqual([
      { isWrapper: false, pid: process.pid },
      { isWrapper: true, pid: process.pid },
    ]);
  });

  it('come before those that they started, whichever was found first: so no script goes on with its next step [A4, X59]', async () => {
    const { info, own } = await heldHere();
    const script = new Child('sh', ['-c', 'sleep 1000; true']);
    await until(() => descendantsOf(script.pid).length === 1, 'the script is at its first step');
    const [step] = descendantsOf(script.pid) as [{ pid: number; start: string }];
    const { start } = recordOf(script.pid);
    const ofScript = { ...own, child: { pid: script.pid, start: start as string } };
    const ofStep = { ...own, child: step };

    for (const holders of [[ofScript], [ofStep, ofScript]]) {
      const commands = victimsOf({ ...info, holders }).filter(({ isWrapper }) => !isWrapper);
      expect(commands.map(({ identity: { pid } }) => pid)).toEqual([script.pid, step.pid]);
    }
  });

  it.each([
    ['cannot be verified to be the one that took the lock', /cannot be verified/, 'start'],
    ['left no process id', /left no process id/, 'pid'],
    ['runs in another pid namespace', /another pid namespace/, 'pidNamespace'],
  ] as const)(
    'are none at all when one of the holders %s: the others go on too [H1, H3, X59]',
    async (_what, why, missing) => {
      const { info, own } = await heldHere();
      const { [missing]: _, ...doubtful } = own;

      for (const holders of [
        [own, doubtful],
        [doubtful, own],
      ]) {
        expect(() => victimsOf({ ...info, holders })).toThrow(why);
      }
      expect(victimsOf({ ...info, holders: [own] })).toHaveLength(1);
    },
  );
});
