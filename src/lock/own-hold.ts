import type { ContentionFacts, OwnHold } from '../errors/lock-errors.ts';
import type { HolderRecord } from '../identity/holder.ts';
import { isThisProcess, self } from '../identity/self.ts';
import { cohortOf, type Member } from './cohort.ts';
import type { Request } from './request.ts';

type Holders = Pick<ContentionFacts, 'holders' | 'own'>;

/** Who is in the way of a request, and whether that is this very process: another of its threads, or this one. */
export function holdersFor(request: Request, holders: readonly HolderRecord[]): Holders {
  const { members } = cohortOf(request.path);
  if (members.length > 0) return { holders, own: holdOf(members) };
  return holders.some(isThisProcess) ? { holders, own: {} } : { holders };
}

/** The same for the upgrade of a lock that is held, and is not in its own way. */
export function othersFor(request: Request, holders: readonly HolderRecord[]): Holders {
  const at = holders.findIndex((record) => isThisProcess(record) && record.thread === self().thread);
  const others = holders.filter((_, index) => index !== at);
  const members = cohortOf(request.path).members.filter((member) => member.request.id !== request.id);
  if (members.length > 0) return { holders: others, own: holdOf(members) };
  return others.some(isThisProcess) ? { holders: others, own: {} } : { holders: others };
}

/** Where the first of these was acquired. */
export function holdOf([first]: readonly Pick<Member, 'request'>[]): OwnHold {
  const stack = first?.request.stack;
  return stack === undefined ? {} : { stack };
}

/** The calls that led here, without their message. */
export function stackOfCaller(): string {
  const [, ...calls] = (new Error().stack ?? '').split('\n');
  return calls.slice(2).join('\n'); // neither this function nor the one that makes the request
}
