// Compiles src/ to dist/. Programs may be running from dist/ meanwhile (the first `npx holdfast` builds too),
// so files are compiled aside and renamed into place one by one: none is ever missing or half-written.
// `--quick`, for tests while somebody works on the source: checks no types, and leaves the declarations as they were.
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';
import { digestOfInputs, stamp } from './build-inputs.mjs';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));

const inputs = digestOfInputs(); // what changes from here on makes another build necessary
rmSync(stamp, { force: true });

// Beside dist/, so that the relative paths in source maps are right after the move.
const staging = `dist.${process.pid}`;
process.on('exit', () => rmSync(staging, { recursive: true, force: true }));

const compiler = fileURLToPath(import.meta.resolve('typescript/bin/tsc'));
const quick = process.argv.includes('--quick');
const onlyCode = quick ? ['--noCheck', '--declaration', 'false', '--declarationMap', 'false'] : [];
const compile = [compiler, '-p', 'tsconfig.build.json', '--outDir', staging, ...onlyCode];
const { status } = spawnSync(process.execPath, compile, { stdio: 'inherit' });
if (status !== 0) process.exit(status ?? 1);

await bundleLibrary();
for (const name of ['runner', 'keeper']) await bundleProgram(`once/command/${name}`);
const yamlAside = {
  name: 'yaml-aside',
  /** @param {string} id */
  resolveId: (id) => (id === 'yaml' ? { id: './yaml.js', external: true } : null),
};
await bundleCommand(join(staging, 'cli'));
await bundleYaml(join(staging, 'cli'));

// What the entry points share comes first, so that none of them leads to a file that is not there yet.
const isShared = (/** @type {string} */ file) => file.startsWith('chunks') || /-[\w-]{8}\.js$/.test(file);
const built = filesIn(staging).sort((a, b) => Number(isShared(b)) - Number(isShared(a)));
for (const file of built) {
  mkdirSync(dirname(join('dist', file)), { recursive: true });
  renameSync(join(staging, file), join('dist', file));
}
for (const file of filesIn('dist')) {
  const isKept = quick && /\.d\.ts(\.map)?$/.test(file);
  if (!built.includes(file) && !isKept) rmSync(join('dist', file), { force: true });
}

mkdirSync(dirname(stamp), { recursive: true });
writeFileSync(stamp, inputs);

/** @param {string} folder */
function filesIn(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
}

/**
 * Puts each public entry point into one file, and what several share into `chunks/`: reading a hundred small modules takes
 * Node.js a quarter of the time that a program with one lock takes at all. What locks need is one chunk, however it is
 * shared. The modules stay, for the tests of single ones.
 */
async function bundleLibrary() {
  const { exports } = JSON.parse(readFileSync('package.json', 'utf8'));
  const entries = Object.values(exports).flatMap(({ default: file }) => {
    const [, name] = /^\.\/dist\/(.*)\.js$/.exec(file ?? '') ?? [];
    return name === undefined ? [] : [[name, `src/${name}.ts`]];
  });
  const external = (/** @type {string} */ id) => !id.startsWith('.') && !id.startsWith('/');
  const locks = await rolldown({ input: 'src/index.ts', platform: 'node', external });
  const { output } = await locks.generate({ format: 'esm' });
  const ofLocks = new Set(output.flatMap((chunk) => (chunk.type === 'chunk' ? chunk.moduleIds : [])));
  const bundle = await rolldown({ input: Object.fromEntries(entries), platform: 'node', external });
  await bundle.write({
    dir: staging,
    format: 'esm',
    sourcemap: true,
    entryFileNames: '[name].js',
    chunkFileNames: 'chunks/[name]-[hash].js',
    codeSplitting: { groups: [{ name: 'locks', test: (id) => ofLocks.has(id) }] },
  });
}

/**
 * A program that the library starts, in a file of its own: what it shared with the entry points would part those.
 *
 * @param {string} name
 */
async function bundleProgram(name) {
  const bundle = await rolldown({
    input: `src/${name}.ts`,
    platform: 'node',
    external: (id) => !id.startsWith('.') && !id.startsWith('/'),
  });
  await bundle.write({
    file: join(staging, `${name}.js`),
    format: 'esm',
    sourcemap: true,
    codeSplitting: false,
  });
}

/**
 * Makes a few CommonJS files of the command line, one for each command and what they share: Node.js would take as long to
 * read a hundred small modules, or one large file, as a short `holdfast run` takes for all the rest. What is read at every
 * start is one file, what a run needs beside that another one, and what a hit of `once` needs a third.
 *
 * @param {string} folder
 */
async function bundleCommand(folder) {
  const license = readFileSync('node_modules/commander/LICENSE', 'utf8').trim();
  const options = {
    platform: /** @type {const} */ ('node'),
    external: ['koffi', 'tinyglobby', 'content-disposition', /^undici\//],
    plugins: [yamlAside],
  };
  const hot = { start: 'main.js', run: 'commands/run.js', hit: 'commands/once.js' };
  const portable = /\/engine\/portable\//;
  const groups = [{ name: 'portable', test: (/** @type {string} */ id) => portable.test(id), priority: 4 }];
  for (const [name, file] of Object.entries(hot)) {
    const needed = new Set(await neededBy(join(folder, file), options));
    groups.push({ name, test: (id) => needed.has(id) && !portable.test(id), priority: 4 - groups.length });
  }
  const bundle = await rolldown({
    input: { main: join(folder, 'main.js'), shim: join(folder, 'shim.js') },
    preserveEntrySignatures: 'allow-extension',
    ...options,
  });
  const banner = `/*!\nThis file contains commander, which comes with this license:\n\n${license}\n*/`;
  const { output } = await bundle.generate({
    format: 'cjs',
    postBanner: ({ moduleIds }) => (moduleIds.some((id) => id.includes('/commander/')) ? banner : ''),
    chunkFileNames: '[name]-[hash].js',
    codeSplitting: { groups, includeDependenciesRecursively: false },
    dynamicImportInCjs: false, // import() would start the loader of modules
    // Node.js reads what a command needs at every start. Names stay, for errors and their traces.
    minify: { compress: false, mangle: false, codegen: { removeWhitespace: true } },
  });
  rmSync(folder, { recursive: true });
  mkdirSync(folder);
  writeFileSync(join(folder, 'package.json'), '{ "type": "commonjs" }\n');
  for (const chunk of output)
    if (chunk.type === 'chunk') writeFileSync(join(folder, chunk.fileName), whenUsed(chunk.code));
  chmodSync(join(folder, 'main.js'), 0o755);
}

/**
 * Has a file read the portable engine, which few locks need, when it first uses it, and not before. Engines are imported as anything else, for
 * locks are taken synchronously too; here alone is a way to read a file later without a promise.
 *
 * @param {string} code
 */
function whenUsed(code) {
  return code.replace(
    /const require_portable ?= ?(require\("\.\/portable-[\w-]+\.js"\));/,
    'let portable; const require_portable = new Proxy({}, { get: (_, name) => (portable ??= $1)[name] });',
  );
}

/**
 * The modules that are read with a file, whatever it does: those that it imports, and what they import.
 *
 * @param {string} input
 * @param {object} options
 */
async function neededBy(input, options) {
  const bundle = await rolldown({ input, ...options });
  const { output } = await bundle.generate({ format: 'esm' });
  const chunks = new Map(
    output.flatMap((chunk) => (chunk.type === 'chunk' ? [[chunk.fileName, chunk]] : [])),
  );
  const reached = new Set(
    [...chunks.values()].filter(({ isEntry }) => isEntry).map(({ fileName }) => fileName),
  );
  for (const name of reached) for (const imported of chunks.get(name)?.imports ?? []) reached.add(imported);
  return [...reached].flatMap((name) => chunks.get(name)?.moduleIds ?? []);
}

/**
 * The parser for rules beside it, in one file too, which only commands that read rules load.
 *
 * @param {string} folder
 */
async function bundleYaml(folder) {
  const license = readFileSync('node_modules/yaml/LICENSE', 'utf8').trim();
  const input = 'node_modules/yaml/browser/dist/index.js'; // its modules, without those of the command line
  const bundle = await rolldown({ input, platform: 'node' });
  const postBanner = `/*!\nThis file contains yaml, which comes with this license:\n\n${license}\n*/`;
  const { output } = await bundle.generate({ format: 'cjs', codeSplitting: false, minify: true, postBanner });
  writeFileSync(join(folder, 'yaml.js'), output[0].code);
}
