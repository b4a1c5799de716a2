import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const STARTS = /['"](node:)?(child_process|worker_threads|cluster)['"]|\bdist\//;
/** Loads modules anew, and with them the clocks that pure test files share. */
const RESETS = /\bresetModules\(/;
const TYPES = /^(?:import|export) type [^;]*;/gm;
const IMPORTED = /^(?:import|export) [^;]*?from '(\.[^']+)'/gm;

/**
 * Sorts the test files below `test/` into pure ones and others, as paths from the root. A test file is pure when neither it nor any module of
 * `test/` that it imports can start a process or a thread, names the built package, or loads modules anew.
 */
export function sortTests(root: string): { readonly pure: string[]; readonly others: string[] } {
  const tests = join(root, 'test');
  const modules = new Map<string, { readonly isImpure: boolean; readonly imported: readonly string[] }>();

  function look(file: string) {
    const text = readFileSync(file, 'utf8').replaceAll(TYPES, '');
    const imported = [...text.matchAll(IMPORTED)]
      .map(([, path = '']) => join(dirname(file), path))
      .filter((path) => path.startsWith(tests) && existsSync(path)); // vitest tells of what is not there
    const seen = { isImpure: STARTS.test(text) || RESETS.test(text), imported };
    modules.set(file, seen);
    return seen;
  }

  function isPure(file: string): boolean {
    const reached = new Set([file]); // grows while it is walked through
    for (const each of reached) {
      const { isImpure, imported } = modules.get(each) ?? look(each);
      if (isImpure) return false;
      for (const path of imported) reached.add(path);
    }
    return true;
  }

  const files = readdirSync(tests, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => join('test', name));
  const pure = files.filter((file) => isPure(join(root, file)));
  return { pure, others: files.filter((file) => !pure.includes(file)) };
}
