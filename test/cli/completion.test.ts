import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, delimiter, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fixture } from '../support/child.ts';
import { tool } from '../support/tool.ts';
import { Cli, main } from './cli.ts';

/** A home with locks, and a directory to find `holdfast` in. */
async function prepared(): Promise<Cli> {
  const cli = new Cli();
  const bin = join(cli.home, 'bin');
  mkdirSync(bin);
  writeFileSync(join(bin, 'holdfast'), `#!/bin/sh\nexec '${process.execPath}' '${main}' "$@"\n`);
  chmodSync(join(bin, 'holdfast'), 0o755);
  symlinkSync(process.execPath, join(bin, 'node'));
  await cli.run(['run', 'mirror', 'mint', '--', 'true']);
  await cli.run(['run', '--directory', join(cli.home, 'other'), 'elsewhere', '--', 'true']);
  cli.env.PATH = `${bin}${delimiter}${process.env.PATH}`;
  return cli;
}

describe('completion in bash', () => {
  async function complete(...words: string[]): Promise<string[]> {
    const cli = await prepared();
    const script = `source <(holdfast completion bash)
      COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _holdfast; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const args = words.map((word) => word.replace('HOME', cli.home));
    const { stdout, stderr } = await cli.program('bash', ['-c', script, 'bash', ...args]).exits();
    expect(stderr).toBe('');
    return stdout.split('\n').filter(Boolean);
  }

  it('completes commands, options, lock names and the command to run', async () => {
    expect(await complete('holdfast', 'r')).toEqual(['run', 'rules']);
    expect(await complete('holdfast', 'wa')).toEqual(['wait']);
    expect(await complete('holdfast', 'run', '--sh')).toEqual(['--shared']);
    expect(await complete('holdfast', 'completion', '')).toEqual(['bash', 'zsh', 'fish']);
    expect((await complete('holdfast', 'who', 'mi')).sort()).toEqual(['mint', 'mirror']);
    expect(await complete('holdfast', '--directory', 'HOME/other', 'who', '')).toEqual(['elsewhere']);
    expect(await complete('holdfast', 'run', 'mirror', '--', 'basena')).toContain('basename');
    expect(await complete('holdfast', 'guard', '--', 'basena')).toContain('basename');
    expect(await complete('holdfast', 'guard', '--ex')).toEqual(['--explain']);
    expect(await complete('holdfast', 'rules', '')).toEqual(['check', 'list']);
    expect(await complete('holdfast', 'cache', '')).toEqual(['ls', 'path', 'verify', 'prune', 'rm']);
    expect(await complete('holdfast', 'cache', 'prune', '--max-b')).toEqual(['--max-bytes']);
    expect(await complete('holdfast', 'doc', 're')).toEqual(['resolve', 'restore']);
    expect(await complete('holdfast', 'fetch', '--pol')).toEqual(['--policy']);
    expect((await complete('holdfast', 'fetch', '--cache', 'HOME/l')).map((path) => basename(path))).toEqual([
      'locks',
    ]);
    expect((await complete('holdfast', 'doctor', 'HOME/')).map((path) => basename(path)).sort()).toEqual([
      'bin',
      'locks',
      'other',
    ]);
  });
});

describe('completion in fish', () => {
  it('completes commands, options and lock names', async () => {
    const { env, home } = await prepared();
    const complete = (line: string) =>
      tool('fish', ['-c', `holdfast completion fish | source; complete -C '${line}'`], { env })
        .split('\n')
        .map((each) => each.split('\t')[0])
        .filter(Boolean);
    expect(complete('holdfast r').sort()).toEqual(['rules', 'run']);
    expect(complete('holdfast rules c')).toEqual(['check']);
    expect(complete('holdfast cache ver')).toEqual(['verify']);
    expect(complete('holdfast fetch --integ')).toEqual(['--integrity']);
    expect(complete('holdfast run --sh')).toEqual(['--shared']);
    expect(complete('holdfast who mi').sort()).toEqual(['mint', 'mirror']);
    expect(complete(`holdfast who --directory ${home}/other `)).toEqual(['elsewhere']);
    expect(complete('holdfast completion z')).toEqual(['zsh']);
    expect(complete('holdfast doctor src/cli/com')).toEqual(['src/cli/commands/', 'src/cli/completion/']);
  });
});

describe('completion in zsh', () => {
  it('completes commands, options and lock names', async () => {
    const cli = await prepared();
    // A zsh on a terminal: Tab, then what stands on the line is printed by Enter.
    const rc = `autoload -U compinit; compinit -u -d '${cli.home}/dump'; source <(holdfast completion zsh); PS1='> '; echo ready`;
    writeFileSync(join(cli.home, '.zshrc'), rc);
    const env = { ZDOTDIR: cli.home, TERM: 'dumb' };
    const shell = cli.program('python3', [fixture('cli-pty.py'), 'zsh', '-i'], { env });
    await shell.says(/ready/);
    const typed = async (line: string, expected: RegExp) => {
      shell.write(`${line}\t\n`);
      await shell.says(expected);
    };
    await typed('echo holdfast; echo holdfast; : holdfast', /holdfast/);
    await typed('holdfast who mir', /mirror is free/);
    await typed('holdfast --vers', /\n0\.\d+\.\d+/);
    await typed('holdfast rules che', /no holdfast\.yaml was found|operations? checked/);
    await typed('holdfast completion fi', /# fish completion for holdfast/);
  });
});
