import type { ChildProcess } from 'node:child_process';
import { processFacts } from '../identity/index.ts';
import type { Lock } from '../lock/lock.ts';
import { bequeath } from '../lock/nested.ts';
import { identityOf } from './on-record/index.ts';
import { signalBehind } from './signals/exit-code.ts';
import type { Ending } from './start.ts';

type Identity = ReturnType<typeof identityOf>;

/**
 * Who keeps the locks of a command that did not end of its own accord: a signal was passed on to it, or one ended it. Then
 * its processes may be at work still, as a shell dies of SIGTERM at once, and what it has started does not.
 *
 * Whoever inherited the descriptors keeps the locks by them. Where there are none, it is those who descended from the
 * command when the first signal was passed on; not those that it started later, nor any when it got the signal from
 * somebody else, for then they cannot be told any more from other processes.
 */
export class Heirs {
  readonly #command: ChildProcess;
  readonly #locks: readonly Lock[];
  readonly #isCarried: boolean;
  readonly #known = new Map<number, Identity>();
  #isSignalled = false;

  constructor(command: ChildProcess, locks: readonly Lock[], isCarried: boolean) {
    this.#command = command;
    this.#locks = locks;
    this.#isCarried = isCarried;
  }

  /** A signal is about to be passed on. */
  signalled(): void {
    this.#isSignalled = true;
    const { pid } = this.#command;
    if (this.#isCarried || pid === undefined) return;
    for (const each of descendantsOf(pid)) this.#known.set(each.pid, each);
  }

  /** The command has ended: has the release of its locks leave them to those who keep them. */
  inherit(ending: Exclude<Ending, { readonly error: unknown }>): void {
    const isOwnAccord = ending.signal === undefined && signalBehind(ending.code) === undefined;
    if (isOwnAccord && !this.#isSignalled) return;
    const living = [...this.#known.values()].filter(({ pid, start }) => {
      const seen = processFacts.look(pid);
      return seen?.start === start && seen?.isZombie !== true;
    });
    for (const lock of this.#locks) bequeath(lock, living);
  }
}

/** All processes that a process started, and those that they started, as far as their parents still live. */
export function descendantsOf(pid: number): Identity[] {
  const children = new Map<number, number[]>();
  for (const [each, parent] of parents()) children.set(parent, [...(children.get(parent) ?? []), each]);
  const found: number[] = [];
  for (let next = children.get(pid) ?? []; next.length > 0; ) {
    found.push(...next);
    next = next.flatMap((each) => children.get(each) ?? []);
  }
  return found.map(identityOf);
}

/** How many processes each process descends from, by one look at all: fewer than those that it started. */
export function depths(): ReadonlyMap<number, number> {
  const parentOf = parents();
  const known = new Map<number, number>();
  const depthOf = (pid: number | undefined): number => {
    if (pid === undefined) return 0;
    const depth = known.get(pid);
    if (depth !== undefined) return depth;
    known.set(pid, 0); // ends a circle, which ids that were given out again during the look could make
    const found = depthOf(parentOf.get(pid)) + 1;
    known.set(pid, found);
    return found;
  };
  for (const pid of parentOf.keys()) depthOf(pid);
  return known;
}

function parents(): Map<number, number> {
  const found = new Map<number, number>();
  for (const pid of processFacts.processIds()) {
    const parent = processFacts.parentOf(pid);
    if (parent !== undefined) found.set(pid, parent);
  }
  return found;
}
