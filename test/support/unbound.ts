import { cpSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Agent } from './agent.ts';
import { tempDirectory } from './temp.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The package as it is where koffi was left behind: all of it but koffi. */
export function withoutBinding(): { readonly cwd: string; readonly env: NodeJS.ProcessEnv } {
  const cwd = tempDirectory();
  const modules = join(cwd, 'node_modules');
  mkdirSync(join(modules, 'holdfast'), { recursive: true });
  for (const name of ['dist', 'package.json'])
    cpSync(join(root, name), join(modules, 'holdfast', name), { recursive: true });
  for (const name of ['tinyglobby', 'yaml'])
    symlinkSync(join(root, 'node_modules', name), join(modules, name), 'dir');
  return { cwd, env: { HOLDFAST_HOME: join(cwd, 'home') } };
}

/** Processes under remote control that lack the binding, for the locks of this home. */
export async function unboundAgents<const N extends number>(home: string, count: N) {
  const { cwd } = withoutBinding();
  for (const path of ['test/fixtures/hold-agent.mjs', 'test/support/time.mjs'])
    cpSync(join(root, path), join(cwd, path));
  const program = join(cwd, 'test/fixtures/hold-agent.mjs');
  const start = () => Agent.start({ home, cwd, program });
  return (await Promise.all(Array.from({ length: count }, start))) as Awaited<
    ReturnType<typeof Agent.several<N>>
  >;
}
