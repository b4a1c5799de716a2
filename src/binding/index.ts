import type * as Koffi from 'koffi';
import { BindingError, isBuiltFor } from './binding-error.ts';
import { startingPoints } from './starting-points.ts';

export { BindingError } from './binding-error.ts';
export type { Koffi };

type Binding = typeof Koffi;

let loaded: Binding | undefined;
let failed: BindingError | undefined;

/**
 * The binding to the system's C libraries, loaded on first use: programs that never lock do not pay for it.
 *
 * @throws {BindingError} there is none, and it says why, and what helps. For lack of descriptors or memory, it is looked for
 * again the next time.
 */
export function native(): Binding {
  if (failed !== undefined) throw failed; // looked for once: what is missing now is missing from the program
  try {
    loaded ??= loadBinding();
    return loaded;
  } catch (error) {
    const found = error instanceof BindingError ? error : failure(undefined, error);
    if (found.lack === undefined) failed = found;
    throw found;
  }
}

/**
 * koffi's prebuilt package for this platform where it can be reached, which loads in half the time of koffi's own search
 * for it, and koffi itself otherwise. The two are the same code.
 *
 * No bundler may follow these names: it would take the binary apart, or leave it behind. So nothing here is called
 * `require`, and the base is not `import.meta.url`, which is nothing in a bundle that is CommonJS, and in webpack's the
 * path that the source had on the machine that built it.
 */
function loadBinding(): Binding {
  let lastFailure: unknown;
  const points = startingPoints();
  for (const { load } of points) {
    for (const name of [`@koromix/koffi-${process.platform}-${process.arch}`, 'koffi']) {
      try {
        return fitting(load(name) as Binding);
      } catch (error) {
        if (lastFailure === undefined || !isNotFound(error)) lastFailure = error;
      }
    }
  }
  throw failure(points[0]?.file, lastFailure);
}

function failure(from: string | undefined, cause: unknown): BindingError {
  return new BindingError(from, cause, isBuiltFor(process.platform, process.arch));
}

/** The copy that is found beside a bundle need not be the one that Holdfast was tested with. */
function fitting(binding: Binding): Binding {
  const { version } = binding;
  if (version.startsWith('3.')) return binding;
  throw new Error(`koffi ${version} was found, and koffi 3 is needed`);
}

function isNotFound(error: unknown): boolean {
  return (error as { code?: unknown } | undefined)?.code === 'MODULE_NOT_FOUND';
}
