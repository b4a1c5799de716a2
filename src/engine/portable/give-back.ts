import type { Claim } from './claim.ts';

/** Claims this process is done with and could not remove. */
const left = new Map<string, Claim>();
const RETRY = 1000;
let timer: NodeJS.Timeout | undefined;

/** Removes a claim; where the system refuses, it is tried again and again while the process lives. */
export function giveBack(claim: Claim): void {
  try {
    claim.remove();
  } catch {
    left.set(claim.token, claim);
    timer ??= setInterval(retry, RETRY).unref();
  }
}

/** Whether a claim that is met was given back by this process already. Tries once more to remove it. */
export function isGivenBack(token: string): boolean {
  if (!left.has(token)) return false;
  retry();
  return !left.has(token);
}

function retry(): void {
  for (const [token, claim] of left) {
    try {
      claim.remove();
      left.delete(token);
    } catch {
      // Still refused.
    }
  }
  if (left.size === 0) {
    clearInterval(timer);
    timer = undefined;
  }
}
