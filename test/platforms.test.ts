import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { read, root } from './documents.ts';

/** The suite that every engine keeps, as `scripts/test-windows.mjs` names its files. */
const SUITE = ['test/engine/kernel/conformance.test.ts', 'test/engine/portable/conformance.test.ts'];

it('every platform that has calls of its own is put through the suite of all engines by npm test, or said to be untested [R64]', () => {
  const shared = ['index', 'native', 'posix', 'syscalls'];
  const platforms = readdirSync(join(root, 'src/engine/kernel/syscalls'))
    .map((name) => name.replace(/\.ts$/, ''))
    .filter((name) => !shared.includes(name));
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
  const runs = (command: string) => scripts.test?.includes(`npm run ${command}`) === true;
  const windows = read('scripts/test-windows.mjs');
  const howItIsTested = read('docs/platforms.md').split('## How it is tested')[1] ?? '';

  const tested: Record<string, boolean> = {
    linux: runs('test:unit') && scripts['test:unit'] === 'vitest run',
    windows: runs('test:windows') && SUITE.every((file) => windows.includes(`'${file}'`)),
    darwin: /macOS has no emulator[^#]*It is not tested\./.test(howItIsTested),
  };
  expect(Object.keys(tested).toSorted()).toEqual(platforms.toSorted());
  expect(tested).toEqual({ linux: true, windows: true, darwin: true });
});
