import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const page = readFileSync(join(root, 'docs/architecture.md'), 'utf8');
/** Without the breaks of its lines, which may part a function from its file. */
const text = page.replace(/\s+/g, ' ');

it('the map names no file and no folder that is not there', () => {
  const named = [...text.matchAll(/`((?:src|test|bench|docs|examples|scripts)(?:\/[\w./-]+)?)`/g)];
  const paths = named.map(([, path = '']) => path);
  expect(paths.length).toBeGreaterThan(80);
  expect(paths.filter((path) => !existsSync(join(root, path)))).toEqual([]);
});

it('the map has a row for every folder of src, and for every folder in one', () => {
  const rows = [...page.matchAll(/^\| `(src\/[\w/-]+)`/gm)].map(([, path]) => path);
  const folders = foldersIn('src').flatMap((folder) => [folder, ...foldersIn(folder)]);
  expect(folders.length).toBeGreaterThan(20);
  expect(folders.filter((folder) => !rows.includes(folder))).toEqual([]);
  expect(rows.length).toBe(new Set(rows).size);
});

it('the paths of a lock and of a wait name what stands in the files they name', () => {
  const steps = [...text.matchAll(/((?:`#?\w+`(?:,| and)? )+)in `(src\/[\w./-]+\.ts)`/g)];
  expect(steps.length).toBeGreaterThan(50);
  const missing = steps.flatMap(([, names = '', path = '']) => {
    const source = readFileSync(join(root, path), 'utf8');
    const words = [...names.matchAll(/\w+(?=`)/g)].map(([word]) => word);
    return words
      .filter((word) => !new RegExp(`\\b${word}\\b`).test(source))
      .map((word) => `${word}: ${path}`);
  });
  expect(missing).toEqual([]);
});

it('the glossary has each word once', () => {
  const [, glossary = ''] = page.split('\n## Glossary\n');
  const words = [...glossary.matchAll(/\*\*([^*]+)\*\*(?=,? –|, \*\*)/g)].map(([, word = '']) => word);
  expect(words.length).toBeGreaterThan(50);
  expect(words.filter((word, at) => words.indexOf(word) !== at)).toEqual([]);
});

function foldersIn(folder: string): string[] {
  const entries = readdirSync(join(root, folder), { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => `${folder}/${name}`);
}
