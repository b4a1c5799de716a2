import { onExit } from '../copies/exit.ts';

/** What a document has to do before its process ends. */
interface Farewell {
  /** Nothing is left to do but what waits for a while: it need not wait. */
  readonly leaving: () => void;
  /** This is the last turn: whatever is done has to be done before it returns. */
  readonly exiting: () => void;
}

const farewells = new Set<Farewell>();
let isListening = false;

/** Calls back when the process runs out of work, and when it exits. Returns the function that stops it. */
export function whenExiting(farewell: Farewell): () => void {
  farewells.add(farewell);
  if (!isListening) {
    isListening = true;
    process.on('beforeExit', () => {
      for (const { leaving } of farewells) leaving();
    });
    onExit(() => {
      for (const { exiting } of farewells) exiting();
    });
  }
  return () => void farewells.delete(farewell);
}
