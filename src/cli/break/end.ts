import { send } from '../../command/signals/send.ts';
import { systemCode } from '../../errors/base.ts';
import { liveness } from '../../identity/index.ts';
import { pause, performance } from '../../time/time.ts';
import { commandsOf, type Victim } from './victims.ts';

export interface Ended {
  readonly title: string;
  readonly pid: number;
  readonly outcome: 'terminated' | 'killed' | 'gone' | 'refused' | 'alive';
}

const LOOK_EVERY = 20;
/** How long the end of a command may take to reach its wrapper, and the kernel to end a killed process. */
const AFTERMATH = 2_000;

/**
 * Ends each process: SIGTERM, after `grace` milliseconds SIGKILL. A `holdfast run` is left to end with its command, and
 * killed only when it does not.
 *
 * Each signal follows directly on a check that the process is still the same; the few microseconds in between are what
 * the system leaves to callers without process descriptors.
 *
 * The victims come in an order in which each is signalled before those that it started, and a command before its wrapper.
 * Trace (W `holdfast run`, P its command, a script, C the step that P waits for, N a process that comes in between):
 *  1. P is signalled, and C not yet: P ends, or runs its handler. It never learns that C was ended before it got its own
 *     signal, so it does not go on with its next step. W is told that a signal ended P, and ends by the same one.
 *  2. P is stopped: its signal stays pending. C ends, and P does nothing before it is continued, when it gets the signal
 *     first; or it gets SIGKILL after the grace. A stopped W is killed when P has ended and it has not.
 *  3. P handles the signal, and starts N to clean up: N has the rest of the grace. P or N that is alive after it is killed,
 *     P in this call; N in the next one, for which `newcomersTo` has found it.
 *  4. P starts N after the look that found P and C, and before its signal: P ends by that, and N has lost its parent. It
 *     carries the kernel's lock, or is found by its environment. Under the portable engine W has released the lock
 *     meanwhile; so the caller looks again, and says that the lock is free only after a look that found nobody.
 *  5. N starts another one meanwhile: the next look finds that, and there is one after every round of signals.
 *  What has cleared its environment, or gives no sight of it, and has lost its parent, is not found.
 */
export async function endAll(victims: readonly Victim[], grace: number): Promise<Ended[]> {
  const wrappers = victims.filter(({ isWrapper }) => isWrapper);
  const first = commandsOf(victims);
  const sent = new Map(first.map((victim) => [victim, signal(victim, 'SIGTERM')]));
  const isRefused = (victim: Victim) => sent.get(victim) === 'refused';
  const awaited = first.some(isRefused) ? first.filter((victim) => !isRefused(victim)) : victims;
  await untilDead(awaited, grace);
  const killed = new Set(first.filter((victim) => signal(victim, 'SIGKILL') === 'sent'));
  await untilDead(awaited, AFTERMATH);
  // The wrapper of a command that goes on holds the lock for it.
  const stuck = first.some((victim) => isRefused(victim) && isAlive(victim)) ? [] : wrappers;
  for (const wrapper of stuck) if (signal(wrapper, 'SIGKILL') === 'sent') killed.add(wrapper);
  await untilDead(awaited, AFTERMATH);
  return victims.map((victim) => {
    const { title, identity } = victim;
    const how = killed.has(victim) ? 'killed' : sent.get(victim) === 'gone' ? 'gone' : 'terminated';
    const left = isRefused(victim) ? 'refused' : 'alive';
    return { title, pid: identity.pid, outcome: isAlive(victim) ? left : how };
  });
}

function isAlive({ identity }: Victim): boolean {
  return liveness(identity) === 'alive';
}

/**
 * What became of the signal: it goes neither to a process that is gone, nor to another one under its id. A process that was
 * this user's when it was looked for is another's by now if it has started a program that is set to run as its owner; that
 * is told with what became of the others, who may have ended already.
 */
function signal(victim: Victim, name: NodeJS.Signals): 'sent' | 'gone' | 'refused' {
  if (!isAlive(victim)) return 'gone';
  try {
    return send(victim.identity.pid, name) ? 'sent' : 'gone';
  } catch (error) {
    if (systemCode(error) === 'EPERM') return 'refused';
    throw error;
  }
}

async function untilDead(victims: readonly Victim[], ms: number): Promise<void> {
  const deadline = performance.now() + ms;
  while (victims.some(isAlive) && performance.now() < deadline) await pause(LOOK_EVERY);
}
