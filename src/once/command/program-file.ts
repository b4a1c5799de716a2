import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * A program of this package that another process runs, wherever this module was bundled to in it; undefined when it is in
 * a bundle, and the package is not installed beside that.
 */
export function programFile(name: 'runner' | 'keeper'): string | undefined {
  const file = `dist/once/command/${name}.js`;
  const here = dirname(fileURLToPath(import.meta.url));
  for (let at = here; at !== dirname(at); at = dirname(at)) {
    for (const root of [at, join(at, 'node_modules/holdfast')]) {
      if (existsSync(join(root, file))) return join(root, file);
    }
  }
  return undefined;
}
