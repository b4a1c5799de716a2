import type { Mode } from '../../../src/engine/engine.ts';
import { HANGING } from '../../support/deadline.ts';
import { Thread } from '../../support/thread.ts';

const STATE = 0;
const COMMAND = 1;
const OUTCOME = 2;
const IDLE = 0;
const STOPPED = 1;
const RUNNING = 2;
/**
 * How often who waits looks by itself, in ms, for Node.js 20.20 loses a wake-up now and then: 2 of 7 million that two
 * threads were given beside a load of eight, and both went on when they were woken once more.
 */
const LOOK_AGAIN = 50;

/** How one contender came out. `lost`: it was granted the lock, and somebody removed its claim afterwards. */
export type Outcome = 'refused' | 'granted' | 'lost';
const OUTCOMES: readonly Outcome[] = ['refused', 'granted', 'lost'];

/** Contenders in threads of their own, whose steps are put into one order after the other until every order was seen. */
export class Interleaving {
  readonly #words: readonly Int32Array[];
  #round = 0;

  private constructor(words: readonly Int32Array[]) {
    this.#words = words;
  }

  static async start(
    modes: readonly Mode[],
    home: string,
    layout: string,
    steps: readonly string[],
  ): Promise<Interleaving> {
    const contenders = modes.map((mode) => {
      return { words: new Int32Array(new SharedArrayBuffer(12)), home, layout, mode, steps };
    });
    await Promise.all(contenders.map((workerData) => Thread.run('breaker-thread.mjs', { workerData })));
    return new Interleaving(contenders.map(({ words }) => words));
  }

  /**
   * Runs all orders, depth first: of those who could go on at a point, each is tried in turn. `prepare` makes the lock of
   * a round, `check` sees how the contenders came out. Returns the number of orders.
   */
  explore(prepare: (round: number) => void, check: (outcomes: Outcome[], order: string) => void): number {
    let path: { choice: number; of: number }[] = [];
    for (let orders = 1; ; orders++) {
      prepare(++this.#round);
      const taken = this.#run(path);
      check(this.#finish(), taken.steps.join(''));
      path = taken.path;
      while (path.length > 0 && isLast(path.at(-1))) path.pop();
      const deepest = path.at(-1);
      if (deepest === undefined) return orders;
      deepest.choice++;
    }
  }

  #run(prefix: readonly { choice: number; of: number }[]) {
    const path: { choice: number; of: number }[] = [];
    const steps: number[] = [];
    for (const words of this.#words) {
      Atomics.store(words, STATE, RUNNING);
      Atomics.store(words, COMMAND, this.#round);
      Atomics.notify(words, COMMAND);
    }
    for (;;) {
      const stopped = this.#words.filter((words) => settled(words) === STOPPED);
      if (stopped.length === 0) return { path, steps };
      const choice = prefix[path.length]?.choice ?? 0;
      path.push({ choice, of: stopped.length });
      const next = stopped[choice] as Int32Array;
      steps.push(this.#words.indexOf(next));
      Atomics.store(next, STATE, RUNNING);
      Atomics.notify(next, STATE);
    }
  }

  /** Everybody is done; only now is anybody told to look once more, and to release. */
  #finish(): Outcome[] {
    this.#round++;
    for (const words of this.#words) {
      Atomics.store(words, STATE, RUNNING);
      Atomics.store(words, COMMAND, this.#round);
      Atomics.notify(words, COMMAND);
      settled(words); // one after the other: a release must not look like a loss
    }
    return this.#words.map((words) => OUTCOMES[Atomics.load(words, OUTCOME)] as Outcome);
  }
}

function isLast(point: { choice: number; of: number } | undefined): boolean {
  return point !== undefined && point.choice === point.of - 1;
}

/** Waits until a contender has stopped before a step, or is done. */
function settled(words: Int32Array): number {
  for (const end = performance.now() + HANGING; performance.now() < end; ) {
    Atomics.wait(words, STATE, RUNNING, LOOK_AGAIN);
    const state = Atomics.load(words, STATE);
    if (state === IDLE || state === STOPPED) return state;
  }
  throw new Error(`A contender hangs: ${words}.`);
}
