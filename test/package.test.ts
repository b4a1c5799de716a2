import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Child, type Ending } from './support/child.ts';
import { tool } from './support/tool.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const manifest = createRequire(import.meta.url)('../package.json') as {
  version: string;
  dependencies: Record<string, string>;
};

async function run(command: string, args: readonly string[], cwd: string): Promise<Ending> {
  const child = new Child(command, args, { cwd, env: { HOLDFAST_HOME: join(cwd, 'home') } });
  const ending = await child.exits();
  if (ending.code !== 0) throw new Error(`${command} ${args.join(' ')} failed: ${ending.stderr}`);
  return ending;
}

const script = (cwd: string, source: string) =>
  run(process.execPath, ['--input-type=module', '--eval', source], cwd).then(({ stdout }) => stdout);

/** A project that has the packed package installed, and what that depends on. */
function makeProject(): string {
  const path = realpathSync(mkdtempSync(join(tmpdir(), 'holdfast-package-')));
  const installed = join(path, 'node_modules/holdfast');
  mkdirSync(installed, { recursive: true });
  // Without scripts: the tests run on a fresh build already.
  tool('npm', ['pack', '--ignore-scripts', '--pack-destination', path], { cwd: root, timeout: 60_000 });
  const tarball = join(path, `holdfast-${manifest.version}.tgz`);
  tool('tar', ['-xzf', tarball, '--strip-components=1', '-C', installed]);
  for (const name of Object.keys(manifest.dependencies)) {
    symlinkSync(join(root, 'node_modules', name), join(path, 'node_modules', name));
  }
  return path;
}

/** What only files of the cache have in them. */
const CACHE = /async function openCache|class PartialFile|async function publish\(|class Layout\b/;

let project: string;
beforeAll(() => {
  project = makeProject();
});
afterAll(() => rmSync(project, { recursive: true, force: true }));

describe('the packed package', () => {
  it('locks for a program that imports it, and hides everything but its entry points', async () => {
    const installed = join(project, 'node_modules/holdfast');

    const said = await script(
      project,
      `import { LockManager, withLock } from 'holdfast';
       const locks = new LockManager();
       await locks.with('mirror', (lock) => console.log(lock.token > 0, lock.path));
       await withLock('data.json', (lock) => console.log(lock.mode));
       await import('holdfast/dist/lock/cohort.js').catch(({ code }) => console.log(code));`,
    );

    expect(said).toMatch(new RegExp(`^true ${project}/home/locks/mirror~`));
    expect(said).toContain('exclusive\nERR_PACKAGE_PATH_NOT_EXPORTED');
    expect(existsSync(join(project, '.data.json.lock'))).toBe(true);
    expect(existsSync(join(installed, 'test'))).toBe(false);
    expect(existsSync(join(installed, 'LICENSE'))).toBe(true);
    expect(existsSync(join(installed, 'schema/holdfast.schema.json'))).toBe(true);
  });

  it('carries what its source maps lead to, and types for every export', () => {
    const installed = join(project, 'node_modules/holdfast');
    const map = JSON.parse(readFileSync(join(installed, 'dist/index.js.map'), 'utf8')) as {
      sources: string[];
    };

    const missing = map.sources.filter((source) => !existsSync(join(installed, 'dist', source)));
    expect([map.sources.length > 0, missing]).toEqual([true, []]);
    expect(readFileSync(join(installed, 'dist/index.d.ts'), 'utf8')).toContain('export');
  });

  it('brings a command that can be run as it is', async () => {
    const command = join(project, 'node_modules/holdfast/dist/cli/main.js');
    expect(() => accessSync(command, constants.X_OK)).not.toThrow();

    const { stdout } = await run(command, ['--version'], project);
    const ran = await run(command, ['run', 'mirror', '--', 'echo', 'under a lock'], project);

    expect(stdout.trim()).toBe(manifest.version);
    expect(ran.stdout).toBe('under a lock\n');
  });
});

describe('importing the package', () => {
  it('loads no native code before the first lock, and never the parser of the command line', async () => {
    const said = await script(
      project,
      `import { createRequire } from 'node:module';
       const { LockManager } = await import('holdfast');
       const require = createRequire(import.meta.url);
       const has = (name) =>
         [...process.report.getReport().sharedObjects, ...Object.keys(require.cache)].some((file) => file.includes(name));
       const loaded = () => ({ koffi: has('koffi'), commander: has('commander') });
       const imported = loaded();
       const locks = new LockManager();
       locks.pathOf('mirror');
       const asked = loaded();
       const locked = await locks.with('mirror', loaded);
       console.log(JSON.stringify({ imported, asked, locked }));`,
    );

    expect(JSON.parse(said)).toEqual({
      imported: { koffi: false, commander: false },
      asked: { koffi: false, commander: false },
      locked: { koffi: true, commander: false },
    });
  });

  it('and running a command under a lock load nothing of the cache or of undici', async () => {
    const installed = join(project, 'node_modules/holdfast/');
    const command = join(installed, 'dist/cli/main.js');
    const opened = async (...args: string[]) => {
      const strace = ['-f', '-qq', '-e', 'trace=openat', process.execPath];
      const { stderr } = await run('strace', [...strace, ...args], project);
      return [...stderr.matchAll(/openat\([^"]*"([^"]+)"/g)].map(([, path]) => path as string);
    };
    const ofCache = (paths: readonly string[]) => {
      const own = paths.filter((path) => path.startsWith(installed) && path.endsWith('.js'));
      expect(own.length).toBeGreaterThan(0);
      return [
        ...paths.filter((path) => path.includes('/undici')),
        ...own.filter((path) => CACHE.test(readFileSync(path, 'utf8'))),
      ];
    };

    expect(ofCache(await opened('--input-type=module', '--eval', "import 'holdfast'"))).toEqual([]);
    expect(ofCache(await opened(command, 'run', 'mirror', '--', 'true'))).toEqual([]);
    expect(ofCache(await opened('--input-type=module', '--eval', "import 'holdfast/cache'"))).not.toEqual([]);
  });

  it('reads a handful of files, all its own, and asks for nothing else', async () => {
    const installed = join(project, 'node_modules/holdfast/');
    const strace = ['-f', '-qq', '-e', 'trace=openat', process.execPath, '--input-type=module'];
    const { stderr } = await run('strace', [...strace, '--eval', "import 'holdfast'"], project);

    const opened = [...stderr.matchAll(/openat\([^"]*"([^"]+)"[^\n]*\) = \d+/g)].map(
      ([, path]) => path as string,
    );
    const own = opened.filter((path) => path.startsWith(installed));
    expect(own.length).toBeGreaterThan(0);
    expect(own.length).toBeLessThan(10);
    expect(own.filter((path) => path.includes('/cli/'))).toEqual([]);
    expect(opened.filter((path) => /koffi|commander|yaml|undici/.test(path))).toEqual([]);
    expect(own.filter((path) => /\/cache|openCache/.test(path.slice(installed.length)))).toEqual([]);
    const texts = own.filter((path) => path.endsWith('.js')).map((path) => readFileSync(path, 'utf8'));
    expect(texts.filter((text) => text.includes('function openCache'))).toEqual([]);
  });
});
