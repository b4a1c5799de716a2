import { onExit } from '../../copies/exit.ts';
import { clearInterval, setInterval } from '../../time/time.ts';
import { AwayError } from './whereabouts.ts';

/** Removes something. @throws when the system refuses, or somebody else has the right to it at the moment. */
type Removal = () => unknown;

interface Left {
  readonly remove: Removal;
  /** It lies in a directory that is away, and may never come back: before that does, nothing is tried. */
  readonly away: AwayError | undefined;
}

/** What this thread is done with and could not remove, by its id: a claim's token, the name of a ticket or a note. */
const left = new Map<string, Left>();
/** What goes with this thread, if it is not given back before. */
const lent = new Map<string, Removal>();
const RETRY = 1000;
/** Directories that are looked for at a time: the drive that they are away with may be slow to say so. */
const MOST_LOOKS = 100;
/** More that are away are forgotten: a program may delete one directory after another. */
const MOST_AWAY = 10_000;
let timer: NodeJS.Timeout | undefined;
let isWatching = false;

/**
 * Removes what has this id; what does not succeed is tried again and again while the thread lives. Returns what kept it
 * from succeeding at once.
 */
export function giveBack(id: string, remove: Removal): unknown {
  lent.delete(id);
  const error = tryOnce(id, remove);
  if (error !== undefined) timer ??= setInterval(retry, RETRY).unref();
  return error;
}

/**
 * Has what shows others a wait of this thread removed when the thread exits: its process may go on, by which others judge
 * whether somebody waits. A thread that is terminated has no chance to do so.
 */
export function lend(id: string, remove: Removal): void {
  lent.set(id, remove);
  if (isWatching) return;
  isWatching = true;
  onExit(() => {
    for (const [each, removal] of lent) tryOnce(each, removal);
    retryAmong(left.size);
  });
}

/** Whether a claim that is met was given back by this thread already, and is gone. Tries once more to remove it. */
export function isGivenBack(id: string): boolean {
  const found = left.get(id);
  return found !== undefined && tryOnce(id, found.remove) === undefined;
}

/** Whether this thread is done with what has this id, be it still there. Tries once more to remove it. */
export function isDoneWith(id: string): boolean {
  if (!left.has(id)) return false;
  isGivenBack(id);
  return true;
}

/** Whether this thread gave it back in a directory that is away: what has this id elsewhere is nobody's. */
export function isAway(id: string): boolean {
  return left.get(id)?.away !== undefined;
}

/** What has this id is gone: it was met, and removed, where its directory is now. */
export function settle(id: string): void {
  left.delete(id);
}

function tryOnce(id: string, remove: Removal): unknown {
  try {
    remove();
    left.delete(id);
    return undefined;
  } catch (error) {
    left.delete(id);
    left.set(id, { remove, away: error instanceof AwayError ? error : undefined }); // the last to be tried next time
    forgetOldest();
    return error;
  }
}

function forgetOldest(): void {
  if (left.size <= MOST_AWAY) return;
  for (const [id, { away }] of left) {
    if (away === undefined) continue;
    left.delete(id);
    return;
  }
}

function retry(): void {
  retryAmong(MOST_LOOKS);
  if (left.size > 0) return;
  clearInterval(timer);
  timer = undefined;
}

/** Looks for so many directories at most; those that are away come last next time. */
function retryAmong(looks: number): void {
  let looked = 0;
  for (const [id, { remove, away }] of [...left]) {
    if (away !== undefined && ++looked > looks) continue;
    if (away?.isBack() !== false) tryOnce(id, remove);
    else putLast(id);
  }
}

function putLast(id: string): void {
  const found = left.get(id);
  left.delete(id);
  if (found !== undefined) left.set(id, found);
}
