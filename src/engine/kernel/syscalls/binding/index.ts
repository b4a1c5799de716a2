import { createRequire } from 'node:module';
import type * as Koffi from 'koffi';

/**
 * The binding to the C library: koffi's prebuilt package for this platform where it can be reached from here, which
 * loads in half the time of koffi's own search for it, and koffi itself otherwise. The two are the same code.
 *
 * @throws what `require` throws when there is no build for this platform.
 */
export function loadBinding(): typeof Koffi {
  const require = createRequire(import.meta.url);
  try {
    return require(`@koromix/koffi-${process.platform}-${process.arch}`);
  } catch {
    return require('koffi');
  }
}
