import { Gate } from './gate.ts';
import { countGrant, hearNews } from './hold.ts';
import { PortableLock } from './lock.ts';
import { look } from './look.ts';
import { isNestedSeen, isNestedUsed, nestedRequest, PASSED, type Passed } from './nested.ts';
import { newsOf, returnNews, unmarkGranted } from './news.ts';
import { areReadersGone, livingReaders } from './readers.ts';

/**
 * Step ii of `admits` for who has the gate of a lock and is to have it alone, a writer or an upgrade: has the nested lock for
 * an instant, as whoever takes it exclusively. Undefined while a nested holder is at work. News that are heard there are left at
 * the lock itself before they are forgotten, for whoever has the gate may still give it back. Dying here: the claim at the
 * nested lock is that of a dead holder, and the next one is told.
 */
export function passNested(lock: PortableLock): Passed | undefined {
  if (!isNestedUsed(lock.request)) return PASSED;
  if (isNestedHeld(lock)) return undefined;
  const nested = nestedLock(lock);
  const gate = new Gate(nested);
  try {
    const tenure = gate.reach();
    if (tenure === undefined || !areReadersGone(nested)) return undefined;
    const below = passNested(nested);
    if (below === undefined) return undefined;
    const count = countGrant(nested, tenure);
    if (!tenure.isIntact()) return undefined; // stopped for longer than the lease
    const recovered = count.news?.holder ?? below.recovered;
    const news = newsOf(lock, recovered);
    if (news !== undefined) returnNews(lock, news);
    hearNews(nested, count);
    if (count.isMarked) unmarkGranted(nested, tenure.token);
    return { recovered };
  } finally {
    gate.giveUp();
  }
}

/** Whether a nested holder is at work, as far as can be seen. */
export function isNestedHeld(lock: PortableLock): boolean {
  if (!isNestedSeen(lock.request.path)) return false;
  const nested = nestedLock(lock);
  const found = look(nested.place.lock);
  if (found.kind === 'claim' && nested.judge(found) === 'held') return true;
  return livingReaders(nested).length > 0 || isNestedHeld(nested);
}

function nestedLock({ request, settings }: PortableLock): PortableLock {
  return new PortableLock(nestedRequest({ ...request, mode: 'exclusive' }), settings);
}
