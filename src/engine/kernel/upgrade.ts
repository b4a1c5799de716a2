import { fstatSync } from 'node:fs';
import { trace } from '../../trace/trace.ts';
import type { Conversion, LockRequest, Waiting } from '../engine.ts';
import { rivalUpgrade } from '../upgrade.ts';
import { Entry, readEntries } from './entry.ts';
import { kernelLocks } from './kernel-locks.ts';
import { holderOf } from './slot.ts';
import { wake } from './wake/index.ts';

/** What an upgrade does to the grant it belongs to. */
export interface Upgradable {
  readonly request: LockRequest;
  readonly fd: number;
  /** Tries the conversion once: done, not possible now (the shared lock is kept), or lost in the attempt. */
  convert(): 'exclusive' | 'shared' | 'lost';
}

/**
 * Waits until a shared holder is alone and then makes its lock exclusive. Meanwhile its ticket keeps newcomers out; who
 * waited before goes on waiting, for it waits for this holder.
 *
 * flock(2) drops the old lock before it tries for the new one, so a conversion that fails has lost the shared lock for an
 * instant (trace; U upgrader, O another shared holder, X an exclusive newcomer):
 *  1. U leaves its ticket. Two upgraders each see the other's; the younger fails, for both would wait for ever.
 *  2. U sees no other holder and converts. O came between: the conversion fails, U takes the shared lock back at once.
 *  3. X came and went between, which a ticket keeps cooperating programs from: U finds another token, and reports the
 *     lock as lost. X is still there: U cannot take it back, and reports the same.
 */
export class KernelUpgrade implements Waiting {
  readonly position = 1;
  readonly #lock: Upgradable;
  readonly #outcome: Conversion;
  readonly #ticket: Entry | undefined;
  readonly #stopWatch: () => void;
  #timer: NodeJS.Timeout | undefined;
  #done = false;

  constructor(lock: Upgradable, outcome: Conversion) {
    this.#lock = lock;
    this.#outcome = outcome;
    const { request, fd } = lock;
    this.#ticket = Entry.leave(request, 'upgrade', holderOf(request));
    this.#stopWatch = wake().watch(fd, request.path, 'lock', () => this.poke());
    this.#timer = setTimeout(() => this.poke(), 0);
  }

  poke(): void {
    if (this.#done) return;
    clearTimeout(this.#timer);
    try {
      this.#step();
    } catch (error) {
      this.cancel();
      this.#outcome.failed(error);
    }
  }

  cancel(): void {
    this.#done = true;
    clearTimeout(this.#timer);
    this.#stopWatch();
    this.#ticket?.remove();
  }

  #step(): void {
    this.#giveWayToRival();
    const result = this.#isAlone() ? this.#lock.convert() : 'shared';
    trace?.(this.#lock.request.path, `tries to upgrade: ${result}`);
    if (result === 'shared') {
      this.#timer = setTimeout(() => this.poke(), wake().backstop);
    } else {
      this.cancel();
      if (result === 'exclusive') this.#outcome.converted();
      else this.#outcome.lost();
    }
  }

  /** @throws {DeadlockError} another one waits for the same. */
  #giveWayToRival(): void {
    const { request } = this.#lock;
    const own = this.#ticket?.name ?? '';
    const older = readEntries(request.path, ['upgrade']).find(({ entry }) => entry.name < own);
    if (older !== undefined) throw rivalUpgrade(request, older.holder.pid);
  }

  /** By the kernel's list of holders, and where that is not to be had, by the records they left. */
  #isAlone(): boolean {
    const holders = kernelLocks(fstatSync(this.#lock.fd, { bigint: true })).length;
    return holders > 0 ? holders === 1 : readEntries(this.#lock.request.path, ['held']).length <= 1;
  }
}
