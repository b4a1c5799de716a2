import { onLockEvent } from './channel.ts';

/** Waits are in milliseconds. */
export interface StatisticsSnapshot {
  readonly acquisitions: number;
  /** How many of the acquisitions had to wait. */
  readonly waits: number;
  readonly totalWait: number;
  /** Over all acquisitions, those without a wait included. */
  readonly meanWait: number;
  readonly maximumWait: number;
  readonly timeouts: number;
  /** Grants that followed on a holder that ended without releasing. */
  readonly recoveries: number;
}

/** Counts what the locks of this thread go through, from its construction until `stop`. */
export class LockStatistics {
  #acquisitions = 0;
  #waits = 0;
  #totalWait = 0;
  #maximumWait = 0;
  #timeouts = 0;
  #recoveries = 0;
  readonly #subscriptions = [
    onLockEvent('granted', ({ waited }) => {
      this.#acquisitions++;
      if (waited === 0) return;
      this.#waits++;
      this.#totalWait += waited;
      this.#maximumWait = Math.max(this.#maximumWait, waited);
    }),
    onLockEvent('timed-out', () => this.#timeouts++),
    onLockEvent('recovered', () => this.#recoveries++),
  ];

  snapshot(): StatisticsSnapshot {
    return {
      acquisitions: this.#acquisitions,
      waits: this.#waits,
      totalWait: this.#totalWait,
      meanWait: this.#acquisitions === 0 ? 0 : this.#totalWait / this.#acquisitions,
      maximumWait: this.#maximumWait,
      timeouts: this.#timeouts,
      recoveries: this.#recoveries,
    };
  }

  stop(): void {
    for (const unsubscribe of this.#subscriptions) unsubscribe();
  }
}
