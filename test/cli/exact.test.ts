import { symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fixture } from '../support/child.ts';
import { main } from './cli.ts';
import { Guarded } from './guarded.ts';

/** One character a byte. */
type Bytes = string;

const RULES = 'operations:\n  act: { command: mirror **, uses: { mirror: exclusive } }\n';

const all = Array.from({ length: 255 }, (_, at) => String.fromCharCode(at + 1)).join('');

/** Every byte but NUL, starting elsewhere in each. */
const WORDS = Array.from({ length: 500 }, (_, at) =>
  at % 50 === 0 ? '' : all.slice(at % 255) + all.slice(0, at % 255),
);

const VARIABLES: Readonly<Record<Bytes, Bytes>> = {
  'a.b': 'dot',
  'a-b': 'dash',
  '1st': 'digit',
  'BASH_FUNC_greet%%': "() {  echo 'hello'\n}",
  plain: '\xff\xfe no UTF-8 \x80',
  'odd\xff': 'a name that is none',
  utf8: Buffer.from('grün 🔒 \ufffd').toString('latin1'),
  empty: '',
  lines: 'one\ntwo\n\n\'quoted\' "twice" $HOME `id` \\',
};

/** Starts the system's programs with exactly these words and this environment; what they print, in bytes. */
class Exact extends Guarded {
  readonly #way: Way;

  constructor(way: Way) {
    super(RULES);
    this.#way = way;
  }

  async runs(tool: 'env' | 'printf', args: readonly Bytes[], variables: Readonly<Record<Bytes, Bytes>>) {
    this.write('tools/.keep', '');
    symlinkSync(`/usr/bin/${tool}`, join(this.home, 'tools/mirror'));
    const words = [...(await this.#words()), ...args];
    const env = { ...variables, HOLDFAST_HOME: this.home };
    const base64 = (bytes: Bytes) => Buffer.from(bytes, 'latin1').toString('base64');
    const given = {
      words: words.map(base64),
      env: Object.entries(env).map((pair) => pair.map(base64)),
    };
    const file = join(this.home, 'given.json');
    writeFileSync(file, JSON.stringify(given));
    const running = this.program('python3', [fixture('cli-bytes.py'), file], { encoding: 'latin1' });
    return running.finish();
  }

  async #words(): Promise<string[]> {
    const tool = join(this.home, 'tools/mirror');
    if (this.#way === 'run') return [process.execPath, main, 'run', 'x', '--', tool];
    if (this.#way === 'held back') {
      return [process.execPath, main, 'run', '--engine', 'portable', 'x', '--', tool];
    }
    const made = await this.run(['guard', '--shim', '../shims', 'mirror'], { cwd: this.project });
    expect(made).toMatchObject({ code: 0 });
    return [join(this.home, 'shims/mirror')];
  }

  get path(): string {
    return `${join(this.home, 'shims')}:${join(this.home, 'tools')}`;
  }
}

type Way = 'run' | 'held back' | 'shim';

describe.each(['run', 'held back', 'shim'] as const)('a command by way of %s', (way) => {
  it('gets its environment byte for byte, and nothing else but what holdfast says [X43, X44]', async () => {
    const cli = new Exact(way);
    const variables = { ...VARIABLES, PATH: cli.path };
    const { code, stdout, stderr } = await cli.runs('env', ['-0'], variables);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const entries = stdout.split('\0').filter((entry) => entry !== '' && !entry.startsWith('HOLDFAST_'));
    const expected = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
    expect(entries.toSorted()).toEqual(expected.toSorted());
  });

  it('gets nothing added to an environment that Node.js can read, such as PWD [X44]', async () => {
    const cli = new Exact(way);
    const variables = { 'a.b': 'dot', PATH: cli.path };
    const { stdout } = await cli.runs('env', ['-0'], variables);
    const entries = stdout.split('\0').filter((entry) => entry !== '' && !entry.startsWith('HOLDFAST_'));
    expect(entries.toSorted()).toEqual([`PATH=${cli.path}`, 'a.b=dot']);
  });

  it('gets 500 arguments of all bytes there are [X43]', async () => {
    const cli = new Exact(way);
    const { code, stdout, stderr } = await cli.runs('printf', ['%s\\0', ...WORDS], { PATH: cli.path });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout.split('\0').slice(0, -1)).toEqual(WORDS);
  });
});
