import { Date, pause } from '../time/time.ts';

/** Time and chance, for tests to decide about. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** From 0 to below 1. */
  random(): number;
  /** Rejects with the signal's reason when that aborts. */
  pause(ms: number, signal: AbortSignal): Promise<void>;
}

export const realClock: Clock = {
  now: Date.now,
  random: Math.random,
  async pause(ms, signal) {
    await pause(ms, undefined, { signal }).catch(() => signal.throwIfAborted());
  },
};

/** Milliseconds. */
const FIRST = 500;
const MOST = 30_000;

/**
 * Milliseconds before the next try, after so many failures in a row: anything up to half a second, a second, two and so
 * on ("full jitter", Brooker 2015), and not less than what the server asked for.
 */
export function delayAfter(failures: number, notBefore: number, clock: Clock): number {
  return Math.max(notBefore, clock.random() * Math.min(MOST, FIRST * 2 ** (failures - 1)));
}

/** Milliseconds that `Retry-After` asks for, in seconds or as a date; 0 when it says nothing that can be read. */
export function retryAfter(text: string | undefined, clock: Clock): number {
  if (text === undefined) return 0;
  if (/^\d+$/.test(text.trim())) return Number(text) * 1000;
  const at = Date.parse(text);
  return Number.isNaN(at) ? 0 : Math.max(0, at - clock.now());
}
