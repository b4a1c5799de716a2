import { callAll, onExit } from '../copies/exit.ts';

/** What a document has to do before its process ends. */
interface Farewell {
  /** Nothing is left to do but what waits for a while: it need not wait. */
  readonly leaving: () => void;
  /** This is the last turn: whatever is done has to be done before it returns. */
  readonly exiting: () => void;
}

/** What is under way, under a lock. */
interface Working {
  readonly begun: readonly unknown[];
}

const farewells = new Map<Farewell, Working>();
let isListening = false;

/**
 * Calls back when the process runs out of work, and when it exits: then those first who are in the middle of something, for the
 * others can go on under their lock. Returns the function that stops it.
 */
export function whenExiting(working: Working, farewell: Farewell): () => void {
  farewells.set(farewell, working);
  if (!isListening) {
    isListening = true;
    process.on('beforeExit', () => {
      for (const { leaving } of farewells.keys()) leaving();
    });
    onExit(() => {
      const first = [...farewells].filter(([, { begun }]) => begun.length > 0);
      callAll([...new Map([...first, ...farewells]).keys()].map(({ exiting }) => exiting));
    });
  }
  return () => void farewells.delete(farewell);
}
