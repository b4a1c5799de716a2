import { createRequire } from 'node:module';
import type * as Koffi from 'koffi';

export type { Koffi };

let loaded: typeof Koffi | undefined;

/**
 * The binding to the system's C libraries, loaded on first use: programs that never lock do not pay for it.
 *
 * @throws what `require` throws when there is no build for this platform.
 */
export function native(): typeof Koffi {
  loaded ??= loadBinding();
  return loaded;
}

/**
 * koffi's prebuilt package for this platform where it can be reached from here, which loads in half the time of koffi's
 * own search for it, and koffi itself otherwise. The two are the same code.
 */
function loadBinding(): typeof Koffi {
  const require = createRequire(import.meta.url);
  try {
    return require(`@koromix/koffi-${process.platform}-${process.arch}`);
  } catch {
    return require('koffi');
  }
}
