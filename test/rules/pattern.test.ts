import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isCovered } from '../../src/rules/language.ts';
import { matchPattern } from '../../src/rules/match.ts';
import { fillIn, PatternError, parsePattern } from '../../src/rules/pattern.ts';

const VALUE_OPTIONS = ['-C', '--directory'];

/** The captures of a match as an object; undefined when there is none. */
function match(pattern: string, words: readonly string[]): Record<string, readonly string[]> | undefined {
  const command = { words, file: () => words[0] };
  const captured = matchPattern(parsePattern(pattern), command, '/project', VALUE_OPTIONS);
  return captured === undefined ? undefined : Object.fromEntries(captured);
}

const words = (line: string) => line.split(' ').map((word) => (word === "''" ? '' : word));

describe('a pattern', () => {
  it.each([
    // literals
    ['mirror save', 'mirror save'],
    ['mirror save', '/usr/local/bin/mirror save'],
    ['mirror save', 'mirror.cmd save'],
    ['mirror.cmd save', 'mirror.cmd save'],
    // one argument, and within a word
    ['mirror load *', 'mirror load a.tar'],
    ['mirror load *', "mirror load ''"],
    ['mirror load *.tar', 'mirror load a.b.tar'],
    ['mirror load *.tar', 'mirror load .tar'],
    // any number
    ['mirror **', 'mirror'],
    ['mirror ** ', 'mirror save a b'],
    ['mirror ...', 'mirror save a b'],
    ['mirror ** now', 'mirror now'],
    ['mirror ** now', 'mirror save a now'],
    // alternatives
    ['mirror {save,sync} **', 'mirror sync x'],
    ['mirror {save, sync}', 'mirror save'],
    ['{mirror,mirror2} pre-{a,b}.tar', 'mirror2 pre-b.tar'],
    // options, wherever they stand
    ['mirror save', 'mirror -v save --force'],
    ['mirror save', 'mirror -C somewhere save'],
    ['mirror save', 'mirror --directory=somewhere save'],
    ['mirror save --force', 'mirror --force save'],
    ['mirror save --force', 'mirror save --force=yes'],
    ['mirror save {-f,--force}', 'mirror -f save'],
    ['mirror save -C=/srv', 'mirror -C /srv save'],
    ['mirror load -', 'mirror load -'],
    ['mirror load -', 'mirror load -- -'],
    ['mirror load *', 'mirror load -- --force'],
    // quotes and backslashes
    ["mirror '*'", 'mirror *'],
    ['mirror \\*\\<\\{', 'mirror *<{'],
    ['mirror "a"b', 'mirror ab'],
    ["mirror ''", "mirror ''"],
    ['mirror a.c', 'mirror a.c'],
    // by path
    ['./bin/mirror save', '/project/bin/mirror save'],
    ['../other/* save', '/other/mirror save'],
    ['/opt/mirror save', '/opt/mirror save'],
  ])('%j matches %j [A2]', (pattern, line) => {
    expect(match(pattern, words(line))).toEqual({});
  });

  it.each([
    ['mirror save', 'mirror'],
    ['mirror save', 'mirror save x'],
    ['mirror save', 'mirror load'],
    ['mirror save', 'mirrors save'],
    ['mirror load *', 'mirror load'],
    ['mirror load *', 'mirror load a b'],
    ['mirror load *.tar', 'mirror load a.tar.gz'],
    ['mirror load *', 'mirror load --force'],
    ['mirror {save,sync}', 'mirror savesync'],
    ['mirror save --force', 'mirror save'],
    ['mirror save --force', 'mirror save --forced'],
    ['mirror save --force', 'mirror save -- --force'],
    ['mirror save', 'mirror --unknown value save'],
    ['mirror save -C=/srv', 'mirror -C /other save'],
    ['mirror a.c', 'mirror abc'],
    ["mirror '*'", 'mirror x'],
    ['./bin/mirror save', '/elsewhere/bin/mirror save'],
    ['mirror <names...>', 'mirror'],
  ])('%j does not match %j [A2]', (pattern, line) => {
    expect(match(pattern, words(line))).toBeUndefined();
  });

  it('compares arguments whole, also with spaces and line feeds in them [A2]', () => {
    expect(match('mirror *', ['mirror', 'a b\nc'])).toEqual({});
    expect(match('mirror a b', ['mirror', 'a b'])).toBeUndefined();
    expect(match("mirror 'a b'", ['mirror', 'a b'])).toEqual({});
    expect(match('mirror <name>', ['mirror', 'a\nb'])).toEqual({ name: ['a\nb'] });
    expect(match('mirror --to', ['mirror', '--to=a\nb'])).toEqual({});
  });

  it('captures arguments, parts of them, values of options, and several of them [A2]', () => {
    expect(match('mirror install <name>', words('mirror install --force left-pad'))).toEqual({
      name: ['left-pad'],
    });
    expect(match('mirror load <name>.tar', words('mirror load week.1.tar'))).toEqual({ name: ['week.1'] });
    expect(match('mirror save --to=<dir>', words('mirror --to=/a=b save'))).toEqual({ dir: ['/a=b'] });
    expect(match('mirror save -C=<dir>', words('mirror -C /srv save'))).toEqual({ dir: ['/srv'] });
    expect(match('mirror save --to=<dir>', words('mirror save --to=a --to=b --to=a'))).toEqual({
      dir: ['a', 'b'],
    });
    expect(match('mirror install <names...>', words('mirror install a -f b c'))).toEqual({
      names: ['a', 'b', 'c'],
    });
    expect(match('mirror copy <from...> <to>', words('mirror copy a b c'))).toEqual({
      from: ['a', 'b'],
      to: ['c'],
    });
    expect(match('<tool> save', words('/usr/bin/mirror save'))).toEqual({ tool: ['mirror'] });
  });

  it('is matched in a moment, however many arguments there are', () => {
    const many = ['mirror', ...Array.from({ length: 20_000 }, (_, at) => `file-${at}`)];
    expect(match('mirror ** <last>', many)).toEqual({ last: ['file-19999'] });
    expect(match('mirror ** x ** y', many)).toBeUndefined();
  });

  it.each([
    ['', 'a pattern needs at least the name of a command', 0],
    ['   ', 'a pattern needs at least the name of a command', 0],
    ['** save', 'a pattern starts with the name of a command', 0],
    ['--force mirror', 'a pattern starts with the name of a command, not an option', 0],
    ['mirror {save', '{ is never closed by }', 7],
    ['mirror {save,}', 'an alternative is empty', 7],
    ['mirror {}', 'an alternative is empty', 7],
    ['mirror {a*,b}', 'alternatives are plain words, such as {save,sync}', 7],
    ['mirror {-f,force}', 'alternatives are all options, or none is', 7],
    ['mirror <name', '< is never closed by >; a capture is written <name>', 7],
    ['mirror <1>', '<1> is no name; a capture is written <name>', 7],
    ['mirror x<names...>', 'a capture of several arguments stands alone; a capture is written <name>', 8],
    ['mirror <a> <a>', '<a> is captured twice', 11],
    ['mirror x**', '** stands for whole arguments only', 8],
    ["mirror 'save", "the quote ' is never closed", 7],
    ['mirror save\\', 'a backslash needs a character behind it', 11],
    ['mirror -- save', '-- only ends the options and is never compared; leave it out', 7],
  ])('%j is refused, with the character in question [R82]', (text, problem, at) => {
    try {
      parsePattern(text);
    } catch (error) {
      expect(error).toBeInstanceOf(PatternError);
      expect(error).toMatchObject({ message: problem, at });
      return;
    }
    expect.unreachable(`${text} was accepted`);
  });

  it('never fails in another way, whatever is written', () => {
    const piece = fc.constantFrom(
      'mirror',
      ' ',
      '*',
      '**',
      '<',
      '>',
      'a',
      '{',
      '}',
      ',',
      '-',
      '"',
      "'",
      '\\',
      '...',
    );
    fc.assert(
      fc.property(fc.array(piece), fc.array(fc.string()), (pieces, args) => {
        try {
          match(pieces.join(''), ['mirror', ...args]);
        } catch (error) {
          expect(error).toBeInstanceOf(PatternError);
        }
      }),
    );
  });
});

describe('a name with captures', () => {
  it('stands for one name a value, each once [A2]', () => {
    const captured = new Map([
      ['name', ['a', 'b', 'a']],
      ['to', ['<name>']],
    ]);
    expect(fillIn('package-<name>', captured)).toEqual(['package-a', 'package-b']);
    expect(fillIn('<name>-<to>', captured)).toEqual(['a-<name>', 'b-<name>']);
    expect(fillIn('plain', captured)).toEqual(['plain']);
  });
});

describe('a later pattern', () => {
  const placed = (text: string) => ({ pattern: parsePattern(text), directory: '/project', valueOptions: [] });
  const covered = (later: string, earlier: readonly string[]) =>
    isCovered(placed(later), earlier.map(placed));

  it.each([
    ['mirror save', ['mirror save']],
    ['mirror save', ['mirror **']],
    ['mirror save <name>', ['mirror save **']],
    ['mirror save *.tar', ['mirror {save,load} *']],
    ['mirror {save,load}', ['mirror save', 'mirror load']],
    ['mirror save --force', ['mirror save']],
    ['mirror save --force=x', ['mirror save --force']],
    ['mirror save -f', ['mirror save {-f,--force}']],
    ['mirror save **', ['mirror save', 'mirror save * **']],
    ['./bin/mirror save', ['mirror save']],
    ['mirror ** **', ['mirror **']],
    ['mirror <names...>', ['mirror * **']],
  ])('%j is never reached after %j', (later, earlier) => {
    expect(covered(later, earlier)).toBe(true);
  });

  it.each([
    ['mirror save', []],
    ['mirror save', ['mirror load']],
    ['mirror **', ['mirror save **']],
    ['mirror save', ['mirror save --force']],
    ['mirror save {-f,--force}', ['mirror save -f']],
    ['mirror {save,load}', ['mirror save']],
    ['mirror save *', ['mirror save *.tar']],
    ['mirror save', ['./bin/mirror save']],
    ['* save', ['mirror save']],
    ['mirror save **', ['mirror save <names...>']],
  ])('%j can be reached after %j', (later, earlier) => {
    expect(covered(later, earlier)).toBe(false);
  });

  it('is found covered only by patterns that match whatever it matches', () => {
    const word = fc.constantFrom('a', 'b', '*', '**', '{a,b}', 'a*', '<n...>', '-x', '{-x,-y}');
    const pattern = fc.array(word, { maxLength: 4 }).map((each) => ['t', ...each].join(' '));
    const argument = fc.constantFrom('a', 'b', 'ab', '-x', '-y', 'c');
    fc.assert(
      fc.property(pattern, pattern, fc.array(argument, { maxLength: 5 }), (first, second, args) => {
        const parses = [first, second].every((text) => (text.match(/<n/g) ?? []).length < 2);
        if (!parses || !covered(second, [first])) return;
        if (match(second, ['t', ...args]) !== undefined) expect(match(first, ['t', ...args])).toBeDefined();
      }),
      { numRuns: 2000 },
    );
  });
});
