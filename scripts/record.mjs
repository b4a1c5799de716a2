// Makes the recordings in docs/recordings anew, each from its scenario (see record.py):
//   npm run record [-- [--into DIR] [NAME…]]
// In each, `mirror` is that of examples/mirror, under its rules, with data, locks and a registry of its own.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = fileURLToPath(new URL('..', import.meta.url));
const command = join(root, 'dist/cli/main.js');
const example = join(root, 'examples/mirror');
const scenarios = join(root, 'docs/recordings');

const options = /** @type {const} */ ({ into: { type: 'string', default: scenarios } });
const { values, positionals } = parseArgs({ options, allowPositionals: true });
for (const file of readdirSync(scenarios).filter((name) => name.endsWith('.json'))) {
  const name = file.replace('.json', '');
  if (positionals.length === 0 || positionals.includes(name)) await record(name);
}

/** @param {string} name */
async function record(name) {
  const home = mkdtempSync(join(tmpdir(), 'holdfast-record-'));
  const registry = spawn(process.execPath, [join(example, 'registry/server.mjs'), '--port', '0']);
  try {
    const [greeting] = await once(createInterface({ input: registry.stdout }), 'line');
    const env = environment(home, /http:\S+/.exec(greeting)?.[0] ?? '');
    const run = { cwd: example, env };
    execFileSync('holdfast', ['guard', '--shim', join(home, 'shims')], run);
    for (const line of ['sync', 'install knots']) execFileSync('mirror', line.split(' '), run);
    const cast = join(values.into, `${name}.cast`);
    const script = [join(root, 'scripts/record.py'), join(scenarios, `${name}.json`), cast];
    execFileSync('python3', script, { ...run, stdio: 'inherit' });
    console.log(`recorded ${cast}`);
  } finally {
    registry.kill();
    rmSync(home, { recursive: true });
  }
}

/**
 * @param {string} home
 * @param {string} registry
 */
function environment(home, registry) {
  const bin = join(home, 'bin');
  mkdirSync(bin);
  symlinkSync(command, join(bin, 'holdfast'));
  const directories = [join(home, 'shims'), bin, join(example, 'bin'), process.env.PATH];
  return {
    ...process.env,
    PATH: directories.join(delimiter),
    HOLDFAST_HOME: join(home, 'state'),
    HOLDFAST_HELD: undefined,
    XDG_CONFIG_HOME: join(home, 'config'),
    MIRROR_HOME: join(home, 'data'),
    MIRROR_REGISTRY: registry,
  };
}
