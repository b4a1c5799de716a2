import { conformanceAlone } from './conformance-alone.ts';
import { conformanceBetweenProcesses } from './conformance-processes.ts';
import type { EngineHarness } from './harness.ts';

/** The rules every engine keeps, whatever decides who holds. Called at the top of each engine's own test file. */
export function conformance(name: string, makeHarness: () => EngineHarness): void {
  const harness = makeHarness();
  conformanceAlone(name, harness);
  if (harness.elsewhere !== undefined) {
    conformanceBetweenProcesses(name, harness, harness.elsewhere);
  }
}
