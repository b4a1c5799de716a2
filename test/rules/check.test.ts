import { describe, expect, it } from 'vitest';
import { checkRules, type Finding } from '../../src/rules/check.ts';
import { rulesOf } from './text.ts';

/** The findings in a file. The locks of resources are taken in alphabetical order. */
async function findings(text: string): Promise<Pick<Finding, 'kind' | 'problem'>[]> {
  const found = checkRules(await rulesOf(text), (_operation, resource) => resource);
  return found.map(({ kind, place, problem }) => ({
    kind,
    problem: `${place.line}:${place.column} ${problem.replaceAll(/\/\S*\//g, '')}`,
  }));
}

const kinds = async (text: string) => (await findings(text)).map(({ kind }) => kind);

describe('a check of the rules', () => {
  it('finds nothing where there is nothing', async () => {
    const text = `
resources: { mirror: , registry: }
operations:
  save: { command: mirror save, uses: { mirror: exclusive, registry: shared } }
  load: { command: mirror load, uses: { mirror: exclusive }, policy: wait }
  help: { command: mirror help, uses: none }
  any: { command: mirror **, uses: registry }
`;
    expect(await findings(text)).toEqual([]);
  });

  it('finds operations that are never reached, by one earlier pattern or by several [R82]', async () => {
    const one = 'operations:\n  any: { command: m **, uses: x }\n  save: { command: m save, uses: y }';
    expect(await findings(one)).toEqual([
      {
        kind: 'never-matches',
        problem:
          '3:3 save is never reached by "m save": any (holdfast.yaml:2:3) matches all such commands first; the first match counts',
      },
    ]);
    const several =
      'operations:\n  a: { command: m a, uses: x }\n  b: { command: m b, uses: x }\n  c: { command: "m {a,b}", uses: x }';
    expect((await findings(several))[0]?.problem).toContain('earlier operations together match all such');
  });

  it('finds resources and operations that nobody knows, and what is meant [R82]', async () => {
    const text = `
resources: { mirror: , package-<name>: }
operations:
  save: { command: m save, uses: [mirorr, mirror], calls: lod }
  load: { command: m load <n>, uses: package-<n> }
`;
    expect(await findings(text)).toEqual([
      {
        kind: 'unknown-resource',
        problem: '4:35 "mirorr" is not among the resources; did you mean "mirror"?',
      },
      { kind: 'unknown-operation', problem: '4:59 there is no operation "lod"; did you mean "load"?' },
      {
        kind: 'unknown-resource',
        problem: '5:38 "package-<n>" is not among the resources; did you mean "package-<name>"?',
      },
    ]);
  });

  it('finds operations that lock nothing, unless that is said [R82]', async () => {
    expect(await kinds('operations: { a: m a }')).toEqual(['uses-nothing']);
    expect(await kinds('global: g\noperations: { a: m a }')).toEqual([]);
    expect(await kinds('operations: { a: { command: m, uses: none } }')).toEqual([]);
  });

  it('finds one resource in two scopes, where two would not exclude each other [R82]', async () => {
    const text = 'operations:\n  a: { command: m a, uses: x }\n  b: { command: m b, uses: x, scope: system }';
    expect(await findings(text)).toEqual([
      {
        kind: 'scopes-differ',
        problem:
          '3:28 x is of the scope system in b and of the scope user in a: they do not exclude each other',
      },
    ]);
    expect(await kinds(`resources: { x: { file: data } }\n${text}`)).toEqual([]);
  });

  it('finds calls that are always refused: exclusive inside of shared [R81]', async () => {
    const text = `
operations:
  outer: { command: m outer, uses: { x: shared }, calls: inner }
  inner: { command: m inner, uses: x }
`;
    expect(await findings(text)).toEqual([
      {
        kind: 'always-refused',
        problem:
          '3:58 outer holds x shared and calls inner, which needs it exclusive and is always refused; let outer use it exclusive',
      },
    ]);
  });

  it('goes by the stronger of two modes in which an operation holds a resource [A2, X59]', async () => {
    // The global lock is exclusive, and comes before what the operation itself says.
    const text = `
global: x
operations:
  outer: { command: m outer, uses: { x: shared }, calls: inner }
  inner: { command: m inner, uses: x }
`;
    expect(await findings(text)).toEqual([]);
  });
});

describe('a possible deadlock', () => {
  const outer = (name: string, uses: string, calls: string) =>
    `  ${name}: { command: m ${name}, uses: ${uses}, calls: ${calls} }\n`;
  const waiting = (name: string, uses: string) =>
    `  ${name}: { command: m ${name}, uses: ${uses}, policy: wait }\n`;

  it('is two operations that call others in opposite orders [R81]', async () => {
    const text = `operations:\n${outer('p', 'a', 'wb')}${outer('q', 'b', 'wa')}${waiting('wa', 'a')}${waiting('wb', 'b')}`;
    expect(await findings(text)).toEqual([
      {
        kind: 'deadlock',
        problem:
          '2:38 can deadlock: p (calling wb) holds a and waits for b, while q (calling wa) holds b and waits for a; let the outer operation use both, or the inner one have policy: fail',
      },
    ]);
  });

  it('is an operation that calls one against the order of another alone [R81]', async () => {
    // "both" takes a before b; "p" holds b and waits for a.
    const text = `operations:\n${outer('p', 'b', 'wa')}${waiting('wa', 'a')}${waiting('both', '[a, b]')}`;
    expect(await kinds(text)).toEqual(['deadlock']);
  });

  it('is a longer circle, also through calls of calls [R81]', async () => {
    const text = `operations:\n${outer('p', 'a', 'middle')}${outer('middle', 'b', 'wc')}${outer('q', 'c', 'wa')}${waiting('wc', 'c')}${waiting('wa', 'a')}`;
    expect((await findings(text)).map(({ problem }) => problem)).toEqual([
      expect.stringContaining(
        'q (calling wa) holds c and waits for a, while p (calling middle, wc) holds a and waits for c',
      ),
    ]);
  });

  it('is an operation that calls one on another thing of the same kind [R81]', async () => {
    const text = `operations:
  move: { command: m move <from>, uses: package-<from>, calls: install }
  install: { command: m install <name>, uses: package-<name>, policy: wait }
`;
    expect((await findings(text)).map(({ problem }) => problem)).toEqual([
      expect.stringContaining(
        'move (calling install) holds package-<from> and waits for another package-<name>',
      ),
    ]);
  });

  it.each([
    [
      'operations alone, in whatever order they name resources',
      `${waiting('p', '[a, b]')}${waiting('q', '[b, a]')}`,
    ],
    ['calls in one order', `${outer('p', 'a', 'wb')}${outer('q', 'a', 'wb')}${waiting('wb', 'b')}`],
    [
      'inner operations that fail at once',
      `${outer('p', 'a', 'fb')}${outer('q', 'b', 'fa')}  fb: { command: m fb, uses: b }\n  fa: { command: m fa, uses: a }\n`,
    ],
    [
      'what is held around already',
      `${outer('p', '[a, b]', 'wb')}${outer('q', '[a, b]', 'wa')}${waiting('wa', 'a')}${waiting('wb', 'b')}`,
    ],
    [
      'one that something it has alone keeps apart from another of its kind',
      '  move: { command: m move <from>, uses: [0-first, package-<from>], calls: install }\n' +
        '  install: { command: m install <name>, uses: package-<name>, policy: wait }\n',
    ],
    [
      'what everybody shares',
      `${outer('p', '{ a: shared }', 'wb')}${outer('q', '{ b: shared }', 'wa')}${waiting('wa', '{ a: shared }')}${waiting('wb', '{ b: shared }')}`,
    ],
  ])('is not found in %s', async (_what, text) => {
    expect((await kinds(`operations:\n${text}`)).filter((kind) => kind === 'deadlock')).toEqual([]);
  });

  it('is not found where a lock around both keeps them apart', async () => {
    const text = `operations:\n${outer('p', 'a', 'wb')}${outer('q', 'b', 'wa')}${waiting('wa', 'a')}${waiting('wb', 'b')}`;
    expect(await kinds(text)).toEqual(['deadlock']);
    expect(await kinds(`global: 0-first\n${text}`)).toEqual([]);
    // One that is taken last keeps nobody apart: "wb" alone holds b, and waits for what "p" holds.
    expect(new Set(await kinds(`global: z-last\n${text}`))).toEqual(new Set(['deadlock']));
  });

  it('is looked for among hundreds of operations that all call each other in a moment [R81]', async () => {
    const many = (uses: (at: number) => string) =>
      Array.from({ length: 300 }, (_, at) =>
        waiting(`op${at}`, uses(at)).replace(' }\n', `, calls: op${(at * 7 + 3) % 300} }\n`),
      ).join('');
    const sharing = await kinds(`operations:\n${many((at) => `{ r${at}: exclusive, s${at % 7}: shared }`)}`);
    expect(sharing.length).toBeGreaterThan(100);
    const excluding = await kinds(`operations:\n${many((at) => `[r${at}, s${at % 7}]`)}`);
    expect(excluding.at(-1)).toBe('search-ended');
  });
});
