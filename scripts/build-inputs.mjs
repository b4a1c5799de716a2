// What a build is made of, so that tests can tell whether dist/ is of the tree as it stands.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const outside = [
  'package.json',
  'package-lock.json',
  'tsconfig.json',
  'tsconfig.build.json',
  'scripts/build.mjs',
];
const results = ['dist/index.js', 'dist/cli/main.js', 'dist/cli/yaml.js'];

/** Where a build leaves the digest of its inputs. */
export const stamp = join(root, '.cache/built');

/** Changes whenever a file that a build reads is made, changed or removed, also back to what it was. */
export function digestOfInputs() {
  const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' });
  const files = [...outside, ...sources.map((name) => join('src', name)).sort()];
  const digest = createHash('sha256');
  for (const file of files) {
    const { size, mtimeNs, ctimeNs } = statSync(join(root, file), { bigint: true });
    digest.update(`${file}\0${size}\0${mtimeNs}\0${ctimeNs}\n`);
  }
  return digest.digest('hex');
}

/** Whether dist/ is there, whole, and was built from what is there now. */
export function isBuilt() {
  const built = existsSync(stamp) ? readFileSync(stamp, 'utf8') : '';
  return built === digestOfInputs() && results.every((file) => existsSync(join(root, file)));
}

/** Whether the declarations are there, which only a full build makes. */
export function hasDeclarations() {
  return existsSync(join(root, 'dist/index.d.ts'));
}
