import type { Lock } from 'holdfast';
import { self } from '../../src/identity/self.ts';
import type { CurrentRun } from '../../src/once/current.ts';
import { failureBody } from '../../src/once/failure.ts';
import type { OnceRecord, RecordHeader } from '../../src/once/record.ts';
import { type Place, placeOf } from '../../src/once/scope.ts';
import { Store } from '../../src/once/store.ts';
import { type Encoded, encodeValue } from '../../src/once/value.ts';
import { next } from '../support/events.ts';

/** What a test sets of a record; the rest is made up. */
type Facts = Partial<Pick<RecordHeader, 'id' | 'run' | 'ttl' | 'inputs'>>;

/**
 * A run of the key `build` as one elsewhere looks from here: its lock is held, `current` tells of it, and it records what
 * the test says. The lock is this process' own, so that a call of `once` waits for it as for anybody's.
 */
export class UnderWay {
  readonly place: Place;
  readonly store: Store;
  readonly current: CurrentRun;
  readonly #lock: Lock;

  private constructor(place: Place, lock: Lock, current: CurrentRun) {
    this.place = place;
    this.store = new Store(place.records, 'build', 'any');
    this.current = current;
    this.#lock = lock;
  }

  static async begin(facts: Partial<CurrentRun> = {}): Promise<UnderWay> {
    const place = placeOf('build');
    const lock = await place.locks.acquire({ name: place.lock });
    const run = new UnderWay(place, lock, currentRun(facts));
    await run.store.begin(run.current);
    return run;
  }

  /** A call that has come to wait for this run: `settled` is how it ends. */
  async awaitedBy<T>(call: () => Promise<T>): Promise<{ readonly settled: Promise<T> }> {
    const waiting = next('waiting');
    const settled = call();
    settled.catch(() => {});
    await waiting;
    return { settled };
  }

  async succeeds(value: unknown, facts: Facts = {}): Promise<void> {
    await this.store.publish(success(value, { ...this.#facts, ...facts }), { value });
    this.leaves();
  }

  async fails(error: unknown, facts: Facts = {}): Promise<void> {
    await this.store.publish(failure(error, { ...this.#facts, ...facts }), { value: undefined });
    this.leaves();
  }

  /** Its lock is free, whatever there is on record. */
  leaves(): void {
    void this.#lock.release();
  }

  get #facts(): Facts {
    return { id: this.current.id, run: this.current.run };
  }
}

export function currentRun(facts: Partial<CurrentRun> = {}): CurrentRun {
  const started = new Date().toISOString();
  return { key: 'build', project: null, id: 'a1', run: 1, attempt: 1, started, by: self(), ...facts };
}

export function success(value: unknown, facts: Facts = {}): OnceRecord {
  const { kind, body } = encodeValue(value) as Encoded;
  return { header: header(kind, facts), body };
}

export function failure(error: unknown, facts: Facts = {}): OnceRecord {
  return { header: header('failure', { ttl: 0, ...facts }), body: failureBody(error) };
}

function header(kind: RecordHeader['kind'], facts: Facts): RecordHeader {
  const { key, project, id, run, started, by } = currentRun();
  const finished = new Date().toISOString();
  return { key, project, id, run, started, finished, took: 1, ttl: null, inputs: null, by, kind, ...facts };
}
