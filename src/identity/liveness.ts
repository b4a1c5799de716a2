import type { HolderRecord } from './holder.ts';
import type { Place } from './place.ts';
import type { ProcessFacts } from './system.ts';

/** `dead` is a proof. `alive` and `unknown` both mean: treat as held. */
export type Liveness = 'alive' | 'dead' | 'unknown';

/** Who can write to the drive a record was found on: this machine alone, or others too, as far as is known. */
export type Drive = 'local' | 'shared';

/** Who asks, and how it can look. */
export interface Observer {
  readonly place: Place;
  readonly facts: Pick<ProcessFacts, 'look' | 'startClock'>;
}

/**
 * Whether the process that a record names still runs.
 *
 *     boot   machine, host  drive   pid ns  process                        verdict
 *  1  none   any            any     any     any                            unknown  no pid, or a boot not told by either
 *  2  other  both equal     local   any     any                            dead     H2
 *  3  other  any else       any     any     any                            unknown  H5, H6
 *  4  same   any            any     other   any                            unknown  H3
 *  5  same   any            any     same    none of this id                dead     F7
 *  6  same   any            any     same    a zombie                       dead
 *  7  same   any            any     same    started at another time        dead     H1
 *  8  same   any            any     same    started at the same time       alive    F7
 *  9  same   any            any     same    there, start not comparable,   alive    EPERM from kill(2), F7
 *                                           and another user's
 * 10  same   any            any     same    there, start not comparable    unknown  H4
 *
 *  2  Another boot id alone proves nothing: that of every other machine differs too. The same machine id and host name
 *     do not prove it either, on a shared drive: two machines made from one image have both, with nobody ever having
 *     renamed one. But a local file system has one kernel at a time. Whoever wrote the record did so through an
 *     earlier boot of this machine, and no process survives that; or through this machine, as a client of what it
 *     exports, and then under its own machine id and host name, which a client does not share with its server. Where
 *     start times are times of the calendar, a process of this very id and start refutes all that: then it is row 3.
 *  3  The rest of the cases of another boot: another machine; a clone that was renamed; this machine under its former
 *     name; a record or an observer without a machine id; any other boot on a shared drive.
 *  4  What this namespace knows by the pid is another process. From outside, the pid inside cannot be looked up.
 *  5  A boot id is 122 random bits, so the kernel is the same, whatever machine id a container's image has. The number
 *     of a namespace is given out again, but only after its last process has ended.
 *  6  The kernel closes a process's files before it makes it a zombie, and no code of it runs again. (A process whose
 *     first thread alone has ended is none.)
 *  7  The kernel keeps the start time of a process to its end, so this pid was given out again. Two processes that start
 *     in the same clock tick (10 ms) cannot be told apart, and end in row 8.
 * 10  Time namespaces shift start times, each by another amount; or the start was not recorded, or is not shown.
 *
 * The verdict is about processes: a thread that ended inside a process that lives is not seen. Not seen either: machines
 * resumed twice from one image of their memory share a boot, and a process that was frozen and restored (CRIU) has a new
 * start time.
 */
export function judge(record: HolderRecord, { place, facts }: Observer, drive: Drive): Liveness {
  const { pid, start, boot } = record;
  if (pid === undefined || !Number.isSafeInteger(pid) || pid <= 0) return 'unknown';
  if (boot === undefined || boot === '' || place.boot === '') return 'unknown';
  if (boot !== place.boot) {
    const gone = drive === 'local' && isSameMachine(record, place) && !isStillThere(record, pid, facts);
    return gone ? 'dead' : 'unknown';
  }
  if (record.pidNamespace !== place.pidNamespace) return 'unknown';
  const comparable = start !== undefined && record.timeNamespace === place.timeNamespace;
  const seen = facts.look(pid); // once: it may be reaped before another look, and then is none of these
  if (seen !== undefined && (seen.isZombie || (comparable && seen.start !== start))) return 'dead';
  if (seen !== undefined && comparable) return 'alive';
  return ofUnknownStart(pid);
}

function isSameMachine(record: HolderRecord, place: Place): boolean {
  const told = record.machine !== undefined && record.host !== undefined;
  return told && record.machine === place.machine && record.host === place.host;
}

function isStillThere({ start }: HolderRecord, pid: number, facts: Observer['facts']): boolean {
  return facts.startClock === 'calendar' && start !== undefined && facts.look(pid)?.start === start;
}

/** Whether there is such a process at all. */
function ofUnknownStart(pid: number): Liveness {
  try {
    process.kill(pid, 0);
    return 'unknown';
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'ESRCH' ? 'dead' : code === 'EPERM' ? 'alive' : 'unknown';
  }
}
