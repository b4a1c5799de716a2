import { isExhaustion } from '../../errors/exhaustion.ts';
import { describeFileSystem, fileSystemOf } from '../../storage/file-system/index.ts';
import { clearTimeout, setTimeout } from '../../time/time.ts';
import { Directories } from './directories.ts';
import { Looks } from './looks.ts';
import { type Way, wayTo } from './way.ts';

/** Milliseconds: between looks where events come, and where none may. */
const SAFETY = 1_000;
const POLL = 250;

export interface WatchDegradation {
  /** `network-drive`: other machines may change the file, which raises no event. `no-events`: the system gave no watch. */
  readonly reason: 'network-drive' | 'no-events';
  readonly detail: string;
}

export interface WatchOptions {
  /** Called once, when the file is looked at four times a second because events cannot be relied on. */
  readonly onDegraded: (degradation: WatchDegradation) => void;
}

export interface FileWatch {
  /** Asks for one more look. */
  look(): void;
  /** Ends it: no look begins after this, and no watch, timer or descriptor is left. */
  close(): void;
}

/**
 * Calls `look` when the file at a path may have changed, through all links on the way to it and whatever is done to the
 * directories: replaced, removed and made again, moved away and back. The caller compares what it finds with what it knows.
 *
 * Guaranteed: after the last change there is a look that begins after it, at most one second later (a quarter of one without
 * events), and within milliseconds where the system tells of it. Not guaranteed: a look for every change; nor an early
 * look when a directory further up is moved, which raises no event: the timer finds that.
 *
 * `look` may return a promise, and is not called again before it settles. When it throws, it is called again after 250 ms.
 * The watch keeps no process alive.
 *
 * What happens meanwhile can be lost in these places, and each is followed by a look:
 *
 *  1. The way to the file is followed, and watches are set in its directories. What changes in between raises no event:
 *     the look comes after the watches are set.
 *  2. A directory on the way goes: its last event names itself. The way is followed anew before each look, and it ends at
 *     the first name that is missing, which is watched in the directory above. Until it is back, the timer looks as well.
 *  3. One that was made again at once may have the number of the old one: it is another when its birth time is, or when the
 *     old one told of its end.
 *  4. The system's queue of events overflowed, or this process was stopped, or the machine slept: the timer is due before
 *     any event that comes later, so the first thing after it is a look. No length of the gap is measured, since
 *     every tick does the same.
 *
 * An event is followed by a look at once, in the same turn of the event loop, and not after a few milliseconds in which
 * others could join it: that would be most of the time until a change is seen. `Looks` joins what comes during a look.
 */
export function watchFile(path: string, look: () => unknown, { onDegraded }: WatchOptions): FileWatch {
  const directories = new Directories(() => looks.ask());
  const looks = new Looks(() => {
    interval = follow();
    return look();
  });
  let interval = POLL;
  let home: string | undefined;
  let isRemote = false;
  let isTold = false;
  let timer: NodeJS.Timeout;

  function follow(): number {
    const way = wayTo(path);
    const refusal = directories.watch(way.spots);
    if (way.home !== home) isRemote = isOnNetwork(way);
    home = way.home;
    if (refusal !== undefined) tell({ reason: 'no-events', detail: refusalText(refusal) });
    return refusal !== undefined || isRemote || home === undefined ? POLL : SAFETY;
  }

  function isOnNetwork({ home }: Way): boolean {
    if (home === undefined) return isRemote;
    const fileSystem = fileSystemOf(home);
    if (fileSystem.reach !== 'network') return false;
    const detail = `the document is on ${describeFileSystem(fileSystem)}, where changes by other machines raise no event`;
    tell({ reason: 'network-drive', detail });
    return true;
  }

  function tell(degradation: WatchDegradation): void {
    if (isTold) return;
    isTold = true;
    onDegraded(degradation);
  }

  function tick(): void {
    looks.ask();
    timer = setTimeout(tick, interval).unref();
  }

  tick();
  return {
    look: () => looks.ask(),
    close: () => {
      clearTimeout(timer);
      looks.close();
      directories.close();
    },
  };
}

function refusalText(code: string): string {
  const isLimit = code === 'ENOSPC' || isExhaustion(code);
  const hint = isLimit ? '; on Linux, see fs.inotify.max_user_instances and max_user_watches' : '';
  return `the system gives no file events (${code}${hint})`;
}
