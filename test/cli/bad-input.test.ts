import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Cli } from './cli.ts';

const cases: readonly (readonly [args: readonly string[], offender: string])[] = [
  [['run'], 'names'],
  [['run', 'x'], '--'],
  [['run', 'x', 'touch', 'ran'], '--'],
  [['run', '--', 'touch', 'ran'], 'NAME'],
  [['run', 'x', '--'], 'COMMAND'],
  [['run', 'x', '--', ''], 'COMMAND'],
  [['run', '', '--', 'touch', 'ran'], 'NAME'],
  [['run', 'x', '', '--', 'touch', 'ran'], 'NAME'],
  [['run', '--frobnicate', 'x', '--', 'touch', 'ran'], '--frobnicate'],
  [['run', '-z', 'x', '--', 'touch', 'ran'], '-z'],
  [['run', '-w', '5', 'x', '--', 'touch', 'ran'], '"5"; for seconds, write 5s'],
  [['run', '-w', '5x', 'x', '--', 'touch', 'ran'], '"5x"'],
  [['run', '-w', '-1s', 'x', '--', 'touch', 'ran'], '"-1s"'],
  [['run', '-w', '30m1h', 'x', '--', 'touch', 'ran'], '"30m1h"'],
  [['run', '-w', '', 'x', '--', 'touch', 'ran'], '""'],
  [['run', '-w', 'x', '--', 'touch', 'ran'], '"x"'],
  [['run', 'x', '-w', '--', 'touch', 'ran'], '--timeout'],
  [['run', '-n', '-w', '1s', 'x', '--', 'touch', 'ran'], '--no-wait'],
  [['run', '-E', '256', 'x', '--', 'touch', 'ran'], '"256"'],
  [['run', '-E', 'seven', 'x', '--', 'touch', 'ran'], '"seven"'],
  [['run', '--purpose', '', 'x', '--', 'touch', 'ran'], '--purpose'],
  [['run', '--purpose', '--', 'x', '--', 'touch', 'ran'], '--purpose'],
  [['run', '--directory', '', 'x', '--', 'touch', 'ran'], '--directory'],
  [['run', '--directory', 'd', '--system', 'x', '--', 'touch', 'ran'], '--system'],
  [['rnu', 'x', '--', 'touch', 'ran'], "'rnu' (Did you mean run?)"],
  [['--frobnicate', 'run', 'x', '--', 'touch', 'ran'], '--frobnicate'],
  [['who'], 'name'],
  [['who', ''], 'NAME'],
  [['who', 'x', 'y'], 'who'],
  [['wait', '-w', 'soon', 'x'], '"soon"'],
  [['wait', ''], 'NAME'],
  [['ls', 'x'], 'ls'],
  [['break', 'x'], '--kill'],
  [['break', '--kill', '--grace', '5', 'x'], '"5"'],
  [['log', '-n', 'many'], '"many"'],
  [['top', '-i', '0'], '"0"'],
  [['ls', '--directory', '/etc/passwd'], '/etc/passwd cannot be read (ENOTDIR)'],
  [['top', '--directory', '/etc/passwd'], '/etc/passwd cannot be read (ENOTDIR)'],
  [['completion', 'tcsh'], 'tcsh'],
];

it.each(cases)(
  '%j is refused with 125, names the offending word and runs nothing [R82]',
  async (args, offender) => {
    const cli = new Cli();
    const { code, stdout, stderr } = await cli.run(args, { cwd: cli.home });
    expect({ code, stdout }).toEqual({ code: 125, stdout: '' });
    expect(stderr).toMatch(/^holdfast: .*\n$/);
    expect(stderr).toContain(offender);
    expect(existsSync(join(cli.home, 'ran'))).toBe(false);
    expect(existsSync(join(cli.home, 'locks'))).toBe(false);
  },
);

it.each([
  ['HOLDFAST_AUDIT', 'yes'],
  ['HOLDFAST_HOME', 'relative/path'],
  ['XDG_STATE_HOME', 'relative/path'],
])('the variable %s with the value %s is refused by name [R82]', async (name, value) => {
  const cli = new Cli();
  const result = await cli.run(['run', 'x', '--', 'touch', 'ran'], {
    cwd: cli.home,
    env: { ...(name === 'HOLDFAST_AUDIT' ? {} : { HOLDFAST_HOME: undefined }), [name]: value },
  });
  expect(result).toMatchObject({ code: 125, stderr: expect.stringContaining(name) });
  expect(result.stderr).toContain(value);
  expect(existsSync(join(cli.home, 'ran'))).toBe(false);
});

it('an error is one JSON object on standard error with --json [R82]', async () => {
  for (const args of [
    ['run', '--json', '-w', '5x', 'x', '--', 'true'],
    ['--json', 'rnu'],
  ]) {
    const { code, stderr } = await new Cli().run(args);
    expect(code).toBe(125);
    expect(JSON.parse(stderr).error).toMatchObject({ exitCode: 125, message: expect.any(String) });
  }
});

it('no arguments at all print the help on standard error [R82]', async () => {
  const { code, stdout, stderr } = await new Cli().run([]);
  expect({ code, stdout }).toEqual({ code: 125, stdout: '' });
  expect(stderr).toMatch(/^Usage: holdfast/);
});

it.each([
  [['--help'], ['1', '75', '124', '125', '126', '127', '128 + n']],
  [
    ['run', '--help'],
    ['75', '124', '125', '126', '127', '128 + n'],
  ],
  [
    ['break', '-h'],
    ['1', '125'],
  ],
])('%j prints help with the table of exit codes [R82]', async (args, exits) => {
  const { code, stdout } = await new Cli().run(args);
  expect(code).toBe(0);
  for (const exit of exits) expect(stdout).toMatch(new RegExp(`^ +${exit.replace('+', '\\+')} `, 'm'));
});
