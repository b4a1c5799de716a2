import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

/** An id at the end of a title, and where it stands. */
interface Mention {
  readonly id: string;
  readonly at: string;
}

/** The ids of every text that ends with some in brackets, as titles do: also of `it.each` and `describe`, in any quotes. */
function mentionsIn(path: string, source: string): Mention[] {
  return source
    .split('\n')
    .flatMap((line, index) =>
      [...line.matchAll(/\[([A-Z]\d[^\]]*)\](?=(?: ?\[[^\]]*\])*['"`])/g)].flatMap(([, ids = '']) =>
        ids.split(',').map((id) => ({ id: id.trim(), at: `${path}:${index + 1}` })),
      ),
    );
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
    expect(toCome.length).toBeGreaterThan(10);
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
    `it('frees the lock [${unknown}]', () => {`,
    `])('frees %s [${known}, ${unknown}]', (what) => {`,
    `describe(\`the \${name} engine [${known}] [${unknown}]\`, () => {`,
    `  "frees the lock [${unknown}, ${known}]",`,
  ])('that has no row is reported with file and line: %s', (line) => {
    const found = mentionsIn('test/made-up.test.ts', `import it from 'it';\n\n${line}\n`);
    expect(withoutRow(found, ids)).toEqual([`test/made-up.test.ts:3: ${unknown} has no row`]);
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
