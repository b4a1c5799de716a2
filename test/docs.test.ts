import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import * as holdfast from 'holdfast';
import { type HoldfastError, Lock, LockManager, type Target } from 'holdfast';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { eventNames } from '../src/events/channel.ts';
import { blocks, ownDocuments, prose, read, root, table } from './documents.ts';
import { tempDirectory } from './support/temp.ts';

describe('the programs in the documentation', () => {
  const programs = ownDocuments.flatMap((path) =>
    blocks(read(path))
      .filter(({ language }) => language === 'ts' || language === 'js')
      .map((block) => ({ where: `${path}:${block.line}`, ...block })),
  );

  it('are all there', () => {
    expect(programs.length).toBeGreaterThanOrEqual(8);
  });

  it('have types that hold', () => {
    const files = programs.map(({ where, text }) => {
      const name = join(root, `${where.replace(/[^\w]/g, '-')}.mts`);
      return [name, text] as const;
    });
    const sources = new Map(files);
    const options: ts.CompilerOptions = {
      target: ts.ScriptTarget.ES2022,
      lib: ['lib.es2023.d.ts', 'lib.esnext.disposable.d.ts'],
      module: ts.ModuleKind.NodeNext,
      types: ['node'],
      strict: true,
      noEmit: true,
      skipLibCheck: true,
    };
    const host = ts.createCompilerHost(options);
    const { fileExists, getSourceFile } = host;
    host.fileExists = (name) => sources.has(name) || fileExists(name);
    host.getSourceFile = (name, version) => {
      const text = sources.get(name);
      return text === undefined ? getSourceFile(name, version) : ts.createSourceFile(name, text, version);
    };
    const problems = ts.getPreEmitDiagnostics(ts.createProgram([...sources.keys()], options, host));
    expect(
      problems.map(({ file, messageText }) => `${file?.fileName}: ${JSON.stringify(messageText)}`),
    ).toEqual([]);
  });
});

describe('the README', () => {
  const readme = read('README.md');

  it('says first of all what is not guaranteed: locks are advisory, of this machine, and no transactions [C6]', () => {
    const [, section = ''] = readme.split('And what is not:');
    for (const word of [
      '**advisory**',
      '**this machine**',
      '**local file system**',
      '**not a transaction**',
    ]) {
      expect(section).toContain(word);
    }
  });

  it('has every error code there is in its table, each with the class that carries it', () => {
    const rows = table(readme, 'Errors').map(([code, name]) => `${code} ${name}`);
    const union = [...read('src/errors/base.ts').matchAll(/^ {2}\| '(HOLDFAST_\w+)'/gm)].map(
      ([, code]) => code,
    );
    const classes = Object.entries(holdfast as unknown as Record<string, Partial<typeof HoldfastError>>)
      .filter(([, { code } = {}]) => code?.startsWith('HOLDFAST_'))
      .map(([name, { code }]) => `${code} ${name}`);

    expect(rows.toSorted()).toEqual(classes.toSorted());
    expect(rows.map((row) => row.split(' ')[0]).toSorted()).toEqual(union.toSorted());
  });

  it('names all that managers and locks can do', () => {
    const names = [LockManager, Lock].flatMap(({ prototype }) => Object.getOwnPropertyNames(prototype));
    const seldom = ['constructor', 'close', 'directory', 'descriptor', 'recordChild'];
    const missing = names.filter(
      (name) => !new RegExp(`[\`.]${name}\\b`).test(readme) && !seldom.includes(name),
    );
    expect(missing).toEqual([]);
  });
});

describe('the reference', () => {
  it('lists every event there is', () => {
    const listed = table(read('docs/events.md'), 'Which events there are').map(([name]) => name);
    expect(listed.slice(0, eventNames.length)).toEqual(eventNames);
  });

  it('lists every way in which a lock can be degraded', () => {
    const [, union = ''] =
      /readonly reason:\n([\s\S]*?)readonly path/.exec(read('src/engine/engine.ts')) ?? [];
    const reasons = [...union.matchAll(/^ *\| '([\w-]+)'/gm)].map(([, reason]) => reason);
    const listed = table(read('docs/file-systems.md'), 'Permissions').map(
      ([, what]) => /\(([\w-]+)\)/.exec(what ?? '')?.[1],
    );
    expect(listed.toSorted()).toEqual(reasons.toSorted());
  });

  it('derives lock files as the code does [G17]', () => {
    const directory = join(tempDirectory(), 'locks');
    const manager = new LockManager({ directory });
    const rows = table(read('docs/file-systems.md'), 'Which file is locked').filter(([, path]) =>
      path?.endsWith('.lock'),
    );
    expect(rows.length).toBeGreaterThan(4);
    for (const [target = '', path = ''] of rows) {
      const file = /^\{ file: '(.*)' \}$/.exec(target)?.[1];
      const name = /^\{ name: '(.*)' \}$/.exec(target)?.[1] ?? target;
      const wanted: Target = file === undefined ? { name } : { file };
      const expected = path.startsWith('<directory>/')
        ? path.replace('<directory>', directory)
        : resolve(path);
      expect(manager.pathOf(wanted), target).toBe(expected);
    }
  });
});

describe('the links of the documentation', () => {
  const documents = ['.', 'docs', 'examples', 'bench', 'test']
    .filter((folder) => existsSync(join(root, folder)))
    .flatMap((folder) => {
      const recursive = folder !== '.';
      return readdirSync(join(root, folder), { recursive, encoding: 'utf8' }).map((name) =>
        join(folder, name),
      );
    })
    .filter((path) => path.endsWith('.md') && !path.includes('node_modules'));

  it.each(documents)('lead somewhere: %s', (path) => {
    const broken = links(read(path)).filter(({ target }) => !leadsSomewhere(path, target));
    expect(broken).toEqual([]);
  });
});

function links(markdown: string): { text: string; target: string }[] {
  return [...prose(markdown).matchAll(/\[((?:[^[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)/g)].map(
    ({ 1: text = '', 2: target = '' }) => ({ text, target }),
  );
}

function leadsSomewhere(from: string, target: string): boolean {
  if (/^[a-z]+:/.test(target)) return true;
  const [path = '', anchor] = target.split('#');
  const file = path === '' ? join(root, from) : resolve(root, dirname(from), path);
  if (!existsSync(file) || relative(root, file).startsWith('..')) return false;
  return anchor === undefined || anchors(readFileSync(file, 'utf8')).includes(anchor);
}

/** The anchors that a Markdown renderer gives to headings. */
function anchors(markdown: string): string[] {
  return [...prose(markdown).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

describe('the guarantees', () => {
  const guarantees = read('docs/guarantees.md');
  const [promised = '', rest = ''] = guarantees.split('\n## Hazards\n');
  const rows = promised.match(/^\| (?!---|Holdfast guarantees).*\|$/gm) ?? [];

  it('each stand beside the test that proves them', () => {
    expect(rows.length).toBeGreaterThan(50);
    const isProved = (row: string) => {
      const [, guarantee, proof, end, ...more] = row.split(/(?<!\\)\|/);
      const isWhole = guarantee !== undefined && end === '' && more.length === 0;
      return isWhole && links(proof ?? '').some(({ target }) => target.startsWith('../test/'));
    };
    expect(rows.filter((row) => !isProved(row))).toEqual([]);
  });

  it.each(['guarantees', 'merge', 'documents'])('cite tests by the titles they have: %s', (name) => {
    const cited = links(read(`docs/${name}.md`)).filter(({ target }) => target.startsWith('../test/'));
    const missing = cited.filter(({ text, target }) => {
      const titles = testTitles(resolve(root, 'docs', target));
      return !text.split(' › ').every((part) => titles.has(part.replaceAll('\\', '')));
    });
    expect(cited).not.toEqual([]);
    expect(missing).toEqual([]);
  });

  it('name hazards that tests have in their titles', () => {
    const files = readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' });
    const sources = files.filter((name) => name.endsWith('.ts')).map((name) => read(join('test', name)));
    const hazards = [...rest.matchAll(/^\| (H\d+) \|/gm)].map(([, id = '']) => id);
    expect(hazards.length).toBeGreaterThan(10);
    expect(
      hazards.filter((id) => !sources.some((text) => new RegExp(`\\[[^\\]]*\\b${id}\\b`).test(text))),
    ).toEqual([]);
  });
});

const titlesOf = new Map<string, Set<string>>();

/** The titles of suites and tests in a file, without the ids at their ends, and with … for what is filled in. */
function testTitles(path: string): Set<string> {
  const known = titlesOf.get(path);
  if (known !== undefined) return known;
  const titles = new Set<string>();
  const source = ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.ES2022);
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node) && /^(it|test|describe)\b/.test(node.expression.getText(source))) {
      const [title] = node.arguments;
      if (title !== undefined && (ts.isStringLiteralLike(title) || ts.isTemplateExpression(title))) {
        const text = ts.isStringLiteralLike(title) ? title.text : title.getText(source).slice(1, -1);
        titles.add(plainTitle(text));
        titles.add(plainTitle(text.replace(/^the \S+ engine, /, ''))); // one suite for every engine
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  titlesOf.set(path, titles);
  return titles;
}

function plainTitle(title: string): string {
  return title.replace(/( ?\[[^\]]+\])+$/, '').replace(/\$\{[^}]*\}|\$\w+|%[sdij]/g, '…');
}
