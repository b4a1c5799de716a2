import { join } from 'node:path';
import { attempt, type Check, median, monotonic, span } from './check.ts';
import type { Answer, Partner } from './partner.ts';

const HANDOFFS = 15;
const SLOW_MS = 100;
const TOLD_BY_ENGINE = ['no-kernel-lock', 'network-drive'];
const ELSEWHERE =
  'Keep no locks here. Choose a directory on a local disk (HOLDFAST_HOME, --directory), or another engine (HOLDFAST_ENGINE).';

/**
 * Two processes take locks from each other, with the engine that every lock in this directory gets; and `between`, for
 * the last check ends one of them.
 */
export async function checkLocks(
  a: Partner,
  b: Partner,
  { scratch, between }: { readonly scratch: string; readonly between: () => Promise<Check[]> },
): Promise<{ readonly contract: string | undefined; readonly checks: Check[] }> {
  const file = (name: string) => join(scratch, name);
  let contract: string | undefined;
  const lock = await attempt('lock', async () => {
    const granted = await expectGrant(a.ask('try', { file: file('lock'), mode: 'exclusive' }));
    contract = granted.contract;
    await a.ask('release', { file: file('lock') });
    return quality(granted);
  });
  if (lock.mark === 'fail') return { contract, checks: [{ ...lock, next: ELSEWHERE }, ...(await between())] };
  const checks = [
    lock,
    await attempt('exclusion', () => exclusion(a, b, file('exclusion'))),
    await attempt('shared mode', () => sharedMode(a, b, file('shared'))),
    await attempt('wake-up', () => wakeUp(a, b, file('wake-up'))),
    ...(await between()),
    await attempt('kill -9', () => release(a, b, file('kill'))),
  ];
  return { contract, checks };
}

type Finding = Omit<Check, 'name'>;

async function exclusion(a: Partner, b: Partner, file: string): Promise<Finding> {
  const what = { file, mode: 'exclusive' } as const;
  await expectGrant(a.ask('try', what));
  const second = await b.ask('try', what);
  await a.ask('release', { file });
  const third = await b.ask('try', what);
  await b.ask('release', { file });
  if (second.done) return unsafe('two processes got the same exclusive lock');
  if (!third.done) return unsafe('a lock was still held after its release');
  return { mark: 'ok', says: 'of two processes, one got the lock, and the other after its release' };
}

async function sharedMode(a: Partner, b: Partner, file: string): Promise<Finding> {
  await expectGrant(a.ask('try', { file, mode: 'shared' }));
  const second = await b.ask('try', { file, mode: 'shared' });
  await b.ask('release', { file });
  const writer = await b.ask('try', { file, mode: 'exclusive' });
  await b.ask('release', { file });
  await a.ask('release', { file });
  if (writer.done) return unsafe('an exclusive lock was granted beside a shared one');
  if (!second.done) {
    return {
      mark: 'warn',
      says: 'two processes cannot share a lock: the second was refused',
      next: ELSEWHERE,
    };
  }
  return { mark: 'ok', says: 'two processes share a lock, and an exclusive one is kept out' };
}

function quality({ degraded = [] }: Answer): Finding {
  const lacking = degraded.filter(({ reason }) => !TOLD_BY_ENGINE.includes(reason));
  if (lacking.length === 0) return { mark: 'ok', says: 'granted, with all that a lock has' };
  const says = lacking.map(({ reason, detail }) => `${detail} (${reason})`).join('; ');
  const next = 'Locks are granted all the same; a manager with strict: true refuses them while this lasts.';
  return { mark: 'warn', says, next };
}

async function wakeUp(a: Partner, b: Partner, file: string): Promise<Finding> {
  const what = { file, mode: 'exclusive' } as const;
  const latencies: number[] = [];
  let [holder, waiter] = [a, b];
  await expectGrant(holder.ask('try', what));
  for (let handoff = 0; handoff < HANDOFFS; handoff++) {
    const begun = waiter.waits();
    const granted = waiter.ask('wait', what);
    granted.catch(() => {}); // awaited below, unless this ends before
    await begun;
    const { at: released } = await holder.ask('release', { file });
    latencies.push((await granted).at - released);
    [holder, waiter] = [waiter, holder];
  }
  await holder.ask('release', { file });
  const typical = median(latencies);
  const says = `a waiter has the lock ${span(typical)} after its release (median of ${HANDOFFS})`;
  if (typical < SLOW_MS) return { mark: 'ok', says };
  return {
    mark: 'warn',
    says,
    next: 'Waiters look by timer here. The option pollInterval makes them look more often.',
  };
}

async function release(a: Partner, b: Partner, file: string): Promise<Finding> {
  const what = { file, mode: 'exclusive' } as const;
  await expectGrant(a.ask('try', what));
  const begun = b.waits();
  const granted = b.ask('wait', what);
  granted.catch(() => {}); // as above
  await begun;
  const killed = monotonic();
  await a.kill();
  const { at, recovered } = await granted;
  await b.ask('release', { file });
  const told = recovered === true ? ', and `lock.recovered` says so' : '';
  return { mark: 'ok', says: `a killed holder's lock is the next one's after ${span(at - killed)}${told}` };
}

async function expectGrant(asked: Promise<Answer>): Promise<Answer> {
  const answer = await asked;
  if (!answer.done) throw new Error('a lock that nobody holds was refused');
  return answer;
}

function unsafe(says: string): Finding {
  return { mark: 'fail', says, next: ELSEWHERE };
}
