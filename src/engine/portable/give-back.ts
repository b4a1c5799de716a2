import { clearInterval, setInterval } from '../../time/time.ts';

/** Removes a claim. @throws when the system refuses, or somebody else has the right to it at the moment. */
type Removal = () => unknown;

/** Claims this process is done with and could not remove. */
const left = new Map<string, Removal>();
const RETRY = 1000;
let timer: NodeJS.Timeout | undefined;

/** Removes the claim with this token; what does not succeed is tried again and again while the process lives. */
export function giveBack(token: string, remove: Removal): void {
  try {
    remove();
  } catch {
    left.set(token, remove);
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
  for (const [token, remove] of left) {
    try {
      remove();
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
