import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { systemCode } from '../errors/base.ts';
import { RulesError, type RulesPlace } from '../errors/rules-error.ts';
import { O_NONBLOCK } from '../storage/fs/open-flags.ts';
import { absolute, shortPath } from '../storage/working-directory.ts';
import { type Inherited, type RulesFile, readFile } from './file.ts';
import { usersRules } from './find.ts';
import type { Rules } from './rules.ts';
import { Source } from './source.ts';
import { Value } from './value.ts';

/** Bytes. Rules are written by people. */
const LARGEST = 1024 * 1024;

type Yaml = typeof import('yaml');

/**
 * Reads rules files with all that they include; the rules of the first file are tried first.
 *
 * @throws {RulesError} naming file, line and column of the first thing that makes no sense.
 */
export async function loadRules(paths: readonly string[]): Promise<Rules> {
  const yaml = await import('yaml');
  const files = paths.flatMap((path) => loadTree(yaml, absolute(path)));
  return {
    files: files.map(({ path }) => path),
    operations: files.flatMap(({ file }) => file.operations),
    resources: files.flatMap(({ file }) => file.resources),
    unmatched: files.find(({ file }) => file.unmatched !== undefined)?.file.unmatched ?? 'allow',
  };
}

interface Loaded {
  readonly path: string;
  readonly file: RulesFile;
}

/** A file before the files it includes, each of them once. */
function loadTree(yaml: Yaml, root: string): Loaded[] {
  const loaded = new Map<string, Loaded>();

  function load(path: string, chain: readonly string[], inherited: Inherited, from?: Value): void {
    const start = chain.indexOf(path);
    if (start >= 0) {
      const cycle = [...chain.slice(start), path].map(shortPath).join(' includes ');
      throw (from as Value).error(`files include each other in a circle: ${cycle}`);
    }
    if (loaded.has(path)) return;
    const file = readFile(parse(yaml, path, from), inherited);
    loaded.set(path, { path, file });
    for (const include of file.includes) {
      const target = resolve(dirname(path), include.text('the path of a file'));
      load(target, [...chain, path], file.inherited, include);
    }
  }

  load(root, [], { settings: {}, global: undefined, project: projectOf(root) });
  const files = [...loaded.values()];
  checkNames(files);
  return files;
}

/** The user's own rules are for every project. */
function projectOf(root: string): string | undefined {
  return root === usersRules() ? undefined : dirname(root);
}

function checkNames(files: readonly Loaded[]): void {
  for (const kind of ['operations', 'resources'] as const) {
    const seen = new Map<string, RulesPlace>();
    const named: { readonly name: string; readonly place: RulesPlace }[] = files.flatMap(({ file }) => [
      ...file[kind],
    ]);
    for (const { name, place } of named) {
      const first = seen.get(name);
      if (first !== undefined) {
        const what = `the ${kind.slice(0, -1)} ${JSON.stringify(name)}`;
        throw new RulesError(place, `${what} is defined already, in ${first.file}:${first.line}`);
      }
      seen.set(name, place);
    }
  }
}

function parse(yaml: Yaml, path: string, from: Value | undefined): Value {
  const text = readText(path, from);
  const lineCounter = new yaml.LineCounter();
  const document = yaml.parseDocument(text, { lineCounter, prettyErrors: false, uniqueKeys: false });
  const source = new Source(path, text, lineCounter);
  const [problem] = [...document.errors, ...document.warnings];
  if (problem !== undefined)
    throw source.errorAt(problem.pos[0], `no valid YAML: ${sentence(problem.message)}`);
  return new Value(yaml, document, source, 'the file', document.contents);
}

function sentence(message: string): string {
  if (message.includes('call stack')) return 'it is nested too deeply';
  return message.replace(/\.$/, '').replace(/\s+/g, ' ');
}

function readText(path: string, from: Value | undefined): string {
  const fail = (problem: string): RulesError =>
    from?.error(`${shortPath(path)} ${problem}`) ?? new RulesError({ file: shortPath(path) }, problem);
  let bytes: Buffer;
  try {
    const fd = openSync(path, constants.O_RDONLY | O_NONBLOCK); // a FIFO must not hold us up
    try {
      const stats = fstatSync(fd);
      if (!stats.isFile()) throw fail('is not a file');
      if (stats.size > LARGEST) throw fail(`is larger than ${LARGEST} bytes, too large for rules`);
      bytes = readFileSync(fd);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if (error instanceof RulesError) throw error;
    const code = systemCode(error);
    throw fail(code === 'ENOENT' ? 'does not exist' : `cannot be read (${code ?? String(error)})`);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw fail('is not UTF-8 text');
  }
}
