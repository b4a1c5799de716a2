import { bytes } from '../../errors/describe.ts';
import { clearInterval, performance, setInterval } from '../../time/time.ts';
import { tellJson } from '../output/json.ts';
import { note } from '../output/text.ts';
import { Milestones } from './milestones.ts';
import type { Task } from './task.ts';
import type { View } from './view.ts';

/** Milliseconds. */
const LOOK_EVERY = 1000;

/**
 * For a pipe, a file, or a log: a line when something begins, at every tenth of it, every ten seconds, when it starts over,
 * and at its end. As JSON, one object a line.
 */
export class Lines implements View {
  readonly #isJson: boolean;
  readonly #told = new Map<Task, Milestones>();
  /** Those that have waited, and have not begun since: what they told of is another's. */
  readonly #waiters = new Set<Task>();
  readonly #timer: NodeJS.Timeout;

  constructor({ json }: { readonly json?: true }) {
    this.#isJson = json === true;
    this.#timer = setInterval(() => this.#look(), LOOK_EVERY).unref();
  }

  begun(task: Task): void {
    this.#told.set(task, new Milestones(performance.now()));
    this.#waiters.delete(task);
    if (this.#isJson) this.#tellJson(task);
    else note(`${task.name}: fetching`);
  }

  moved(task: Task): void {
    const { percent, extent } = task;
    if (!task.isWaiting && (percent === 100 || this.#waiters.has(task))) return; // its end is told, or its beginning
    const next = this.#told.get(task)?.next(extent?.done ?? 0, percent, performance.now());
    if (next !== undefined) this.#tell(task, next === 'back');
  }

  waits(task: Task): void {
    const milestones = new Milestones(performance.now());
    milestones.next(task.extent?.done ?? 0, task.percent, performance.now());
    this.#told.set(task, milestones);
    this.#waiters.add(task);
    this.#tell(task, false);
  }

  ended(task: Task, summary: string | undefined): void {
    this.#told.delete(task);
    this.#waiters.delete(task);
    if (summary !== undefined && !this.#isJson) note(`${task.name}: ${summary}`);
  }

  print(printLines: () => void): void {
    printLines();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    for (const task of this.#told.keys()) this.moved(task);
  }

  #tell(task: Task, hasGoneBack: boolean): void {
    if (this.#isJson) {
      this.#tellJson(task);
      return;
    }
    const { name, isWaiting, wait, extent, percent, pace } = task;
    const { done = 0, total } = extent ?? {};
    const amount = total === undefined ? bytes(done) : `${bytes(done)} of ${bytes(total)}`;
    const share = percent === undefined ? amount : `${percent} %, ${amount}`;
    const said = [...(hasGoneBack ? ['starts over'] : []), share, ...pace].join(', ');
    note(`${name}: ${isWaiting ? wait : said}`);
  }

  #tellJson({ job, extent, isWaiting, flight }: Task): void {
    const what = { url: job.shown, key: job.key, done: extent?.done ?? 0, total: extent?.total };
    const event = isWaiting
      ? { event: 'waiting', ...what, holders: flight?.holders ?? [] }
      : { event: 'progress', ...what };
    tellJson(event);
  }
}
