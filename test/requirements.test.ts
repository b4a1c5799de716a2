import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

/** An id at the end of a title, and where it stands. */
interface Mention {
  readonly id: string;
  readonly at: string;
}

/** What looks like an id, also where somebody wrote it in a wrong way. */
const ID = /^ ?[A-Za-z]{1,2}\d+\b/;

/** The ids in titles, however they are written: of `it`, `test` and `describe`, over several lines, or kept in a table. */
function mentionsIn(path: string, source: string): Mention[] {
  const file = ts.createSourceFile(path, source, ts.ScriptTarget.Latest);
  const found = new Map<string, Mention>();
  const take = (node: ts.Node, groups: RegExp) => {
    for (const [, ids = ''] of node.getText(file).matchAll(groups)) {
      if (!ID.test(ids)) continue;
      const at = `${path}:${file.getLineAndCharacterOfPosition(node.getStart(file)).line + 1}`;
      for (const id of ids.split(',').map((each) => each.trim())) found.set(`${at} ${id}`, { id, at });
    }
  };
  const visit = (node: ts.Node) => {
    const [title] = ts.isCallExpression(node) && isTest(node.expression) ? node.arguments : [];
    if (title !== undefined) take(title, /\[([^[\]]*)\]/g);
    else if (ts.isStringLiteralLike(node)) take(node, /\[([^[\]]*)\](?=(?: ?\[[^[\]]*\])*.$)/g);
    ts.forEachChild(node, visit);
  };
  visit(file);
  return [...found.values()];
}

/** `it`, and what `it.each(…)` gives; not `it.each` itself, whose argument is no title. */
function isTest(node: ts.Node): boolean {
  if (ts.isCallExpression(node))
    return ts.isPropertyAccessExpression(node.expression) && isTest(node.expression.expression);
  if (ts.isTaggedTemplateExpression(node))
    return ts.isPropertyAccessExpression(node.tag) && isTest(node.tag.expression);
  return ts.isIdentifier(node) && ['it', 'test', 'describe'].includes(node.text);
}

function withoutRow(mentions: readonly Mention[], rows: ReadonlySet<string>): string[] {
  return mentions.filter(({ id }) => !rows.has(id)).map(({ id, at }) => `${at}: ${id} has no row`);
}

const legend = readFileSync(join(root, 'docs/requirements.md'), 'utf8');
const rows = [...legend.matchAll(/^\| ([A-Z]\d+) \| .+? \| ?(.*?) ?\|$/gm)].map(
  ([, id = '', proof = '']) => ({ id, proof }),
);
const ids = new Set(rows.map(({ id }) => id));

const mentions = readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' })
  .filter((name) => /\.(ts|mjs)$/.test(name))
  .map((name) => join('test', name))
  .flatMap((path) => mentionsIn(path, readFileSync(join(root, path), 'utf8')));
const mentioned = new Set(mentions.map(({ id }) => id));

describe('the legend of the ids', () => {
  it('has one row for each', () => {
    expect(rows.length).toBeGreaterThan(150);
    expect(rows.map(({ id }) => id).filter((id, at, all) => all.indexOf(id) !== at)).toEqual([]);
  });

  it('has a row for every id in a title', () => {
    expect(mentions.length).toBeGreaterThan(500);
    expect(withoutRow(mentions, ids)).toEqual([]);
  });

  it('names a benchmark or a suite only for ids that stand in no title', () => {
    const elsewhere = rows.filter(({ proof }) => /^(benchmark|suite): /.test(proof)).map(({ id }) => id);
    expect(elsewhere.length).toBeGreaterThan(10);
    expect(mentions.filter(({ id }) => elsewhere.includes(id))).toEqual([]);
  });

  it('lets no id stand in a title that waits for a layer to come', () => {
    const toCome = rows.filter(({ proof }) => proof.startsWith('waits for')).map(({ id }) => id);
    expect(mentions.filter(({ id }) => toCome.includes(id))).toEqual([]);
  });

  it('leaves no id without a proof: a title, a benchmark, a suite, or the layer it waits for', () => {
    const byTitle = rows.filter(({ proof }) => !/^(benchmark|suite|waits for)\b/.test(proof));
    expect(byTitle.map(({ id }) => id).filter((id) => !mentioned.has(id))).toEqual([]);
  });
});

describe('an id in a title', () => {
  const [known, unknown] = ['H7', 'Z1'];

  it.each([
    `it('frees the lock [${unknown}]', () => {});`,
    `it.each([1, 2])('frees %s [${known}, ${unknown}]', (what) => {});`,
    `describe(\`the \${name} engine [${known}] [${unknown}]\`, () => {});`,
    `const rows = [["frees the lock [${unknown}, ${known}]", 1]];`,
    `it('frees [${unknown}] (%s)', () => {});`,
    `it.for\`a\`('of a table [${unknown}] ', () => {});`,
  ])('that has no row is reported with file and line: %s', (line) => {
    const found = mentionsIn('test/made-up.test.ts', `import it from 'it';\n\n${line}\n`);
    expect(withoutRow(found, ids)).toEqual([`test/made-up.test.ts:3: ${unknown} has no row`]);
  });

  it.each(['z1', 'ZZ1', ' Z1'])('is found also where it is written like "%s"', (id) => {
    const found = mentionsIn('test/made-up.test.ts', `it('frees the lock [${id}]', () => {});`);
    expect(withoutRow(found, ids)).toHaveLength(1);
  });

  it('is not read from code that is no title', () => {
    expect(mentionsIn('test/made-up.test.ts', `const [first] = names[A1]; // see ${unknown}`)).toEqual([]);
  });

  it('is no range, which would have no row of its own', () => {
    const [first, last] = ['R13', 'R16'];
    const found = mentionsIn(
      'test/made-up.test.ts',
      `it('is the same everywhere [${first}–${last}]', () => {`,
    );
    expect(withoutRow(found, ids)).toHaveLength(1);
  });
});
