import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { parseDocument } from 'yaml';
import { loadRules } from '../../src/rules/load.ts';
import { errorOf, rulesOf, writeRules } from './text.ts';

const schema = JSON.parse(
  readFileSync(new URL('../../schema/holdfast.schema.json', import.meta.url), 'utf8'),
) as object;
const fitsSchema = new Ajv({ allErrors: true, strict: true, allowUnionTypes: true }).compile(schema);

/** What a schema can say of a text: nothing of its lines, its captures, or what other keys make of it. */
function fits(text: string): boolean {
  return fitsSchema(parseDocument(text).toJS());
}

const WHOLE = `
# yaml-language-server: $schema=node_modules/holdfast/schema/holdfast.schema.json
resources:
  mirror: the files under mirror/
  registry: { description: what is served, file: registry/index.json }
  package-<name>:
defaults:
  policy: wait
  timeout: 1m30s
  exit-code: 3
  message: Somebody is at it.
  scope: project
  value-options: [-C, --directory]
  unmatched: refuse
global: everything
operations:
  save:
    command: mirror save **
    uses: { mirror: exclusive, registry: shared }
    calls: [sync]
  install:
    command: [mirror install <name>, mirror add <name>]
    uses: { package-<name>: exclusive }
    policy: fail
    exit-code: 0
    message: <name> is being installed.
    scope: user
    value-options: -C
  sync: mirror sync
  verify: [mirror verify, mirror check]
  list: { command: mirror list, uses: mirror }
  help: { command: mirror help **, uses: none }
`;

describe('a rules file', () => {
  it('says what becomes of a command without a rule, unless one before it says so [A2, A7]', async () => {
    const files = ['unmatched: warn', '', 'unmatched: refuse'].map((defaults) =>
      writeRules({ 'holdfast.yaml': defaults === '' ? 'operations: {}' : `defaults: { ${defaults} }` }),
    );

    expect((await loadRules(files)).unmatched).toBe('warn');
    expect((await loadRules(files.slice(1))).unmatched).toBe('refuse');
  });

  it('says for each operation what it locks, how, and under which terms [A2, A3, A7, A8]', async () => {
    const path = writeRules({ 'holdfast.yaml': WHOLE });
    const { operations, resources, unmatched, files } = await loadRules([path]);
    const by = Object.fromEntries(operations.map((operation) => [operation.name, operation]));
    const uses = (name: string) => by[name]?.uses.map(({ resource, mode }) => `${resource} ${mode}`);

    expect({ unmatched, files }).toEqual({ unmatched: 'refuse', files: [path] });
    expect(operations.map(({ name }) => name)).toEqual(['save', 'install', 'sync', 'verify', 'list', 'help']);
    expect(uses('save')).toEqual(['everything exclusive', 'mirror exclusive', 'registry shared']);
    expect(uses('install')).toEqual(['everything exclusive', 'package-<name> exclusive']);
    expect(uses('sync')).toEqual(['everything exclusive']);
    expect(uses('list')).toEqual(['everything exclusive', 'mirror exclusive']);
    expect(uses('help')).toEqual([]);
    expect(by.save?.settings).toEqual({
      policy: 'wait',
      timeout: 90_000,
      exitCode: 3,
      message: 'Somebody is at it.',
      scope: 'project',
      valueOptions: ['-C', '--directory'],
    });
    expect(by.install?.settings).toMatchObject({
      policy: 'fail',
      exitCode: 0,
      scope: 'user',
      valueOptions: ['-C'],
    });
    expect(by.save?.calls.map(({ operation }) => operation)).toEqual(['sync']);
    expect(resources.map(({ name, file }) => [name, file])).toEqual([
      ['mirror', undefined],
      ['registry', path.replace('holdfast.yaml', 'registry/index.json')],
      ['package-<name>', undefined],
    ]);
    expect(fits(WHOLE)).toBe(true);
  });

  it.each([
    ['nothing at all', ''],
    ['a comment', '# nothing yet\n'],
    ['an operation in a word', 'operations: { save: mirror save }'],
    ['a lock for everything in one line', 'global: mirror\noperations: { any: mirror ** }'],
    ['anchors', 'operations:\n  a: &a { command: mirror a, uses: x }\n  b: *a'],
    [
      'a timeout without a limit in words',
      'defaults: { policy: wait, timeout: 0 }\noperations: { a: m }'.replace('0', "'0'"),
    ],
  ])('may hold %s; the schema agrees [A2]', async (_what, text) => {
    await expect(rulesOf(text)).resolves.toMatchObject({ unmatched: 'allow' });
    expect(fits(text)).toBe(true);
  });

  it.each([
    // text, place and problem
    ['- save', '1:1', 'the file must be a mapping with operations, got a list'],
    ['just text', '1:1', 'the file must be a mapping with operations, got "just text"'],
    ['operatoins: {}', '1:1', 'the file has no key "operatoins"; did you mean "operations"?'],
    [
      'colour: red',
      '1:1',
      'the file has no key "colour"; it may have include, resources, defaults, global, operations',
    ],
    ['operations:', '1:12', '"operations" must be a mapping, got nothing'],
    ['operations: []', '1:13', '"operations" must be a mapping, got a list'],
    ['operations: { save: 7 }', '1:21', '"save" must be a command, or a mapping with one, got the number 7'],
    ['operations: { save: { uses: x } }', '1:15', 'the operation "save" needs a command'],
    ['operations: { save: [] }', '1:21', '"save" is an empty list'],
    ['operations: { save: "" }', '1:21', '"save" must be a command pattern, got ""'],
    [
      'operations:\n  save:\n    command: m\n    polic: fail',
      '4:5',
      '"save" has no key "polic"; did you mean "policy"?',
    ],
    [
      'operations:\n  save:\n    command: m\n    policy: fial',
      '4:13',
      '"policy" must be one of fail, wait, warn, got "fial"; did you mean "fail"?',
    ],
    [
      'operations:\n  save:\n    command: m\n    policy: true',
      '4:13',
      '"policy" must be one of fail, wait, warn, got the boolean true; quote it if it is meant',
    ],
    [
      'operations: { a: { command: m, uses: { x: exclusively } } }',
      '1:43',
      '"x" must be one of exclusive, shared, got "exclusively"; did you mean "exclusive"?',
    ],
    [
      'operations: { a: { command: m, uses: 7 } }',
      '1:38',
      '"uses" must be resources with their modes, or none, got the number 7',
    ],
    [
      'operations: { a: { command: m, exit-code: 256 } }',
      '1:43',
      '"exit-code" must be a whole number from 0 to 255, got the number 256',
    ],
    [
      'operations: { a: { command: m, exit-code: "1" } }',
      '1:43',
      '"exit-code" must be a whole number from 0 to 255, got "1"',
    ],
    [
      'operations: { a: { command: m, policy: wait, timeout: 5 } }',
      '1:55',
      '"timeout" must be a duration such as 500ms, 30s or 2m, got the number 5; quote it if it is meant',
    ],
    [
      'operations: { a: { command: m, policy: wait, timeout: 5x } }',
      '1:55',
      'timeout must be a duration such as 500ms, 5s, 2m, 1h30m or 7d, got "5x"',
    ],
    [
      'operations: { a: { command: m, scope: machine } }',
      '1:39',
      '"scope" must be one of user, project, system, got "machine"',
    ],
    [
      'operations: { a: { command: m, value-options: C } }',
      '1:47',
      '"value-options" lists options, such as -C or --directory, got "C"',
    ],
    ['defaults: { unmatched: deny }', '1:24', '"unmatched" must be one of allow, warn, refuse, got "deny"'],
    ['global: [a, b]', '1:9', '"global" must be the name of a resource, got a list'],
    ['include: {}', '1:10', '"include" must be the path of a file, got a mapping'],
    ['resources: { mirror: [] }', '1:22', '"mirror" must be a description, or a mapping, got a list'],
    [
      'resources: { mirror: { path: x } }',
      '1:24',
      '"mirror" has no key "path"; it may have description, file',
    ],
  ])('%j is refused at %s; the schema agrees [R82]', async (text, place, problem) => {
    const error = await errorOf(rulesOf(text));
    expect(`${error.line}:${error.column}`).toBe(place);
    expect(error.problem).toBe(problem);
    expect(fits(text)).toBe(false);
  });

  it.each([
    // what no schema can see
    [
      'operations: { a: { command: m, uses: { 7: shared } } }',
      '1:40',
      'a key of "uses" must be text, got the number 7; quote it if it is meant',
    ],
    ['operations: { a: m, a: n }', '1:21', '"a" is given twice in "operations", first in line 1'],
    ['operations: { a: m\n', '2:1', /^no valid YAML: /],
    ['a: b: c', '1:4', /^no valid YAML: Nested mappings are not allowed/],
    ['operations: { a: *nobody }', '1:18', 'no valid YAML: nothing is called &nobody'],
    ['operations: !!js/function x', '1:13', /^no valid YAML: Unresolved tag/],
    ['a: 1\n---\nb: 2', '2:1', /^no valid YAML: /],
    [
      'operations: { a: { command: m, timeout: 5s } }',
      '1:41',
      'a timeout is for the policy wait only; set policy: wait, or leave it out',
    ],
    [
      'operations: { a: { command: m *, uses: p-<name> } }',
      '1:40',
      '<name> is not captured by the pattern "m *"',
    ],
    [
      'operations: { a: { command: [m <n>, m], message: <n>! } }',
      '1:50',
      '<n> is not captured by the pattern "m"',
    ],
    ['operations: { a: m {save }', '1:20', /^no valid YAML: /],
    ['operations:\n  a: mirror save{', '2:17', '{ is never closed by }'],
    ['operations:\n  a: "mirror save{"', '2:18', '{ is never closed by }'],
    ['defaults: { message: "<name>" }', '1:22', 'a message for all operations cannot hold captures'],
    ['global: <name>', '1:9', 'a lock for all operations cannot hold captures'],
    ['resources: { p-<n>: { file: x } }', '1:29', 'a resource that is a file cannot hold captures'],
  ])('%j is refused at %s, beyond what the schema can say [R82]', async (text, place, problem) => {
    const error = await errorOf(rulesOf(text));
    expect(`${error.line}:${error.column}`).toBe(place);
    if (typeof problem === 'string') expect(error.problem).toBe(problem);
    else expect(error.problem).toMatch(problem);
  });

  it('that is wrong is shown with its line and a caret under the place [R82]', async () => {
    const path = writeRules({ 'holdfast.yaml': 'operations:\n  save:\n    comand: mirror save\n' });
    expect((await errorOf(loadRules([path]))).message).toBe(
      `${path}:3:5: "save" has no key "comand"; did you mean "command"?
3 |     comand: mirror save
  |     ^`,
    );
  });

  it('that is nested without end is refused [R82]', async () => {
    const text = `operations: ${'['.repeat(200_000)}`;
    expect((await errorOf(rulesOf(text))).problem).toBe('no valid YAML: it is nested too deeply');
  });

  it('that is wrong moves no cursor, however it is written', async () => {
    const { message } = await errorOf(rulesOf('operations: { "\\e[2J": 7 }\n'));
    const raw = await errorOf(rulesOf(`operations: {\u009b2J: x, y}${' '.repeat(300)}\u202e\n`));
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters in question
    const moving = /[\u009b\u202e\u0000-\u0009\u001b]/;
    expect(message).not.toMatch(moving);
    expect(raw.message).not.toMatch(moving);
  });
});

describe('files that cannot be read', () => {
  it.each([
    ['not there', undefined, 'does not exist'],
    ['no UTF-8', Buffer.from([0x61, 0x3a, 0x20, 0xff, 0xfe]), 'is not UTF-8 text'],
    ['too large', Buffer.alloc(1024 * 1024 + 1, '#'), 'is larger than 1048576 bytes, too large for rules'],
  ])('are refused by name: %s [R82]', async (_what, content, problem) => {
    const path = writeRules({ 'holdfast.yaml': content ?? '' });
    const asked = content === undefined ? `${path}.gone` : path;
    const error = await errorOf(loadRules([asked]));
    expect(error).toMatchObject({ file: asked, problem });
    expect(error.line).toBeUndefined();
  });
});

describe('included files', () => {
  it('come after the file that includes them, and take over its defaults [A2]', async () => {
    const path = writeRules({
      'holdfast.yaml':
        'include: [team/rules.yaml]\nglobal: all\ndefaults: { policy: warn }\noperations: { own: m own }',
      'team/rules.yaml':
        'include: deeper.yaml\ndefaults: { scope: project }\noperations: { theirs: m theirs }',
      'team/deeper.yaml': 'defaults: { policy: fail }\nglobal: less\noperations: { deep: m deep }',
    });
    const { operations } = await loadRules([path]);
    expect(
      operations.map(({ name, settings, uses }) => [name, settings, uses.map(({ resource }) => resource)]),
    ).toEqual([
      ['own', { policy: 'warn' }, ['all']],
      ['theirs', { policy: 'warn', scope: 'project' }, ['all']],
      ['deep', { policy: 'fail', scope: 'project' }, ['less']],
    ]);
    expect(new Set(operations.map(({ project }) => project))).toEqual(
      new Set([path.replace('/holdfast.yaml', '')]),
    );
  });

  it('are read once, however many include them [A2]', async () => {
    const path = writeRules({
      'holdfast.yaml': 'include: [a.yaml, b.yaml]',
      'a.yaml': 'include: c.yaml',
      'b.yaml': 'include: ./c.yaml',
      'c.yaml': 'operations: { save: m save }',
    });
    expect((await loadRules([path])).operations).toHaveLength(1);
  });

  it('that include each other in a circle are refused, with the circle [R82]', async () => {
    const path = writeRules({
      'holdfast.yaml': 'include: a.yaml',
      'a.yaml': 'operations: { save: m }\ninclude:\n  - b.yaml',
      'b.yaml': 'include: a.yaml',
    });
    const directory = path.replace('holdfast.yaml', '');
    const error = await errorOf(loadRules([path]));
    expect(error.problem.replaceAll(directory, '')).toBe(
      'files include each other in a circle: a.yaml includes b.yaml includes a.yaml',
    );
    expect(error).toMatchObject({ file: `${directory}b.yaml`, line: 1, column: 10 });
    const itself = writeRules({ 'holdfast.yaml': 'include: holdfast.yaml' });
    expect((await errorOf(loadRules([itself]))).problem).toContain('in a circle');
  });

  it('that are missing are reported where they are asked for [R82]', async () => {
    const error = await errorOf(rulesOf('include:\n  - gone.yaml'));
    expect(error).toMatchObject({
      line: 2,
      column: 5,
      problem: expect.stringMatching(/gone\.yaml does not exist$/),
    });
  });

  it.each(['operations', 'resources'])('cannot define %s a second time [R82]', async (kind) => {
    const path = writeRules({
      'holdfast.yaml': `include: more.yaml\n${kind}: { mirror: m }`,
      'more.yaml': `${kind}:\n  mirror: m`,
    });
    const error = await errorOf(loadRules([path]));
    expect(error).toMatchObject({ file: path.replace('holdfast.yaml', 'more.yaml'), line: 2, column: 3 });
    expect(error.problem).toBe(`the ${kind.slice(0, -1)} "mirror" is defined already, in ${path}:2`);
  });
});
