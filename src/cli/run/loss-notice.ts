import { printable } from '../../errors/describe.ts';
import type { Lock } from '../../lock/lock.ts';
import { permitOf } from '../../lock/nested.ts';
import { isTaken, whenTaken } from '../../lock/taken.ts';
import { clearTimeout, setTimeout } from '../../time/time.ts';
import { tellJson } from '../output/json.ts';
import { note } from '../output/text.ts';
import type { GlobalOptions } from '../settings.ts';

/** A command that ends sooner needs no watch: one look at its end tells as much. Milliseconds. */
const WATCHED_FROM = 100;

/** Says once of each lock of a running command, on standard error, that it was taken away. The command goes on. */
export class LossNotice {
  readonly #locks: readonly Lock[];
  readonly #pid: number | undefined;
  readonly #options: GlobalOptions;
  readonly #timer: NodeJS.Timeout;
  readonly #told = new Set<Lock>();
  #stops: readonly (() => void)[] = [];
  #hasEnded = false;

  constructor(locks: readonly Lock[], pid: number | undefined, options: GlobalOptions) {
    this.#locks = locks;
    this.#pid = pid;
    this.#options = options;
    this.#timer = setTimeout(() => this.#watch(), WATCHED_FROM).unref();
  }

  #watch(): void {
    this.#stops = this.#locks.map((lock) => whenTaken(lock, () => this.#tell(lock)));
  }

  /** The command has ended, and its locks are about to be released. */
  end(): void {
    clearTimeout(this.#timer);
    for (const stop of this.#stops) stop();
    this.#hasEnded = true;
    for (const lock of this.#locks) if (isTaken(lock)) this.#tell(lock); // which the watch may not have seen yet
  }

  #tell(lock: Lock): void {
    if (this.#told.has(lock)) return;
    this.#told.add(lock);
    const { resource, path } = lock;
    if (this.#options.json === true) {
      tellJson({ event: 'lost', resource, path, reason: 'replaced', command: this.#pid });
      return;
    }
    const file = lock.contract === 'kernel' ? 'lock file' : 'claim';
    const permit = permitOf(lock) === undefined ? '' : ', or the place of its permit beside it,';
    const what = `its ${file} ${printable(path)}${permit} was replaced or removed by another program`;
    note(
      `warning: the lock on ${printable(resource)} was taken away: ${what}, so another holder may be at work. ${this.#advice()}`,
    );
  }

  #advice(): string {
    const check = 'check what the lock protects';
    if (this.#hasEnded || this.#pid === undefined) return `The command has ended without it: ${check}`;
    return `The command goes on without it: end it with kill ${this.#pid}, or ${check} when it has ended`;
  }
}
