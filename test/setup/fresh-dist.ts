import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { hasDeclarations, isBuilt } from '../../scripts/build-inputs.mjs';
import { tool } from '../support/tool.ts';

const build = join(fileURLToPath(new URL('../..', import.meta.url)), 'scripts/build.mjs');

/** Child programs of the tests import the built package: builds it unless it is of the tree as it stands. */
export default function freshDist(): void {
  if (isBuilt() && hasDeclarations()) return;
  tool(process.execPath, hasDeclarations() ? [build, '--quick'] : [build], { timeout: 0 });
}
