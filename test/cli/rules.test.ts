import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Guarded } from './guarded.ts';

const RULES = `operations:
  save: { command: mirror save <to>, uses: { mirror: exclusive, registry: shared } }
  patient: { command: mirror patient, uses: mirror, policy: wait, timeout: 1m }
  help: { command: mirror help, uses: none }
`;

describe('guard --explain', () => {
  it('tells the rule, the locks and who is in the way, and takes nothing [A2, A4]', async () => {
    const cli = new Guarded(RULES);
    expect(await cli.guard('mirror save there', '--explain')).toMatchObject({
      code: 0,
      stderr: '',
      stdout: `command  mirror save there
rule     save (holdfast.yaml:2:3): mirror save <to>
<to>     there
policy   fail: ends at once when a lock is busy
locks    mirror, exclusive: free
         registry, shared: free
`,
    });
    expect(existsSync(join(cli.home, 'locks'))).toBe(false);

    const holder = await cli.busy('mirror save there');
    const { stdout } = await cli.guard('mirror patient', '--explain');
    expect(stdout).toMatch(
      /^policy +wait: for up to 1m 0s\nlocks +mirror, exclusive: held by "mirror save there --hold" \(pid \d+, .*\)\nLook: holdfast who mirror · wait: holdfast wait mirror\n$/m,
    );
    expect((await cli.guard('mirror save x', '--explain')).stdout).toMatch(
      /registry, shared: free to share with "mirror save there --hold"/,
    );
    await holder.finish();
  });

  it('tells what becomes of commands without a rule, and of those that use nothing [A7]', async () => {
    const cli = new Guarded(RULES);
    expect((await cli.guard('mirror help', '--explain')).stdout).toMatch(/^locks +none$/m);
    expect((await cli.guard('mirror what', '--explain')).stdout).toBe(
      'command  mirror what\nrule     none in holdfast.yaml\nso       runs without a lock (unmatched: allow)\n',
    );
  });

  it('tells the same as JSON [A2]', async () => {
    const cli = new Guarded(RULES);
    const holder = await cli.busy('mirror save there');
    const explained = JSON.parse((await cli.guard('mirror patient', '--explain', '--json')).stdout);
    expect(explained).toMatchObject({
      command: ['mirror', 'patient'],
      operation: 'patient',
      policy: 'wait',
      timeout: 60_000,
      locks: [
        {
          resource: 'mirror',
          mode: 'exclusive',
          inTheWay: true,
          holders: [{ command: 'mirror save there --hold' }],
        },
      ],
    });
    const none = JSON.parse((await cli.guard('mirror what', '--explain', '--json')).stdout);
    expect(none).toMatchObject({ operation: null, unmatched: 'allow', locks: [] });
    await holder.finish();
  });
});

describe('rules', () => {
  it('check ends with 0 where nothing is found, and with 1 and the place where something is [R81, R82]', async () => {
    const cli = new Guarded(RULES);
    const check = (...more: string[]) => cli.run(['rules', 'check', ...more], { cwd: cli.project });
    expect(await check()).toMatchObject({
      code: 0,
      stdout: '3 operations checked, nothing found\n',
      stderr: '',
    });
    cli.write(
      'project/holdfast.yaml',
      `operations:
  any: { command: mirror **, uses: a, calls: deep }
  save: { command: mirror save, uses: b, calls: [any-a] }
  deep: { command: deep, uses: b, policy: wait }
  any-a: { command: other, uses: a, policy: wait }
`,
    );
    const { code, stdout } = await check();
    expect(code).toBe(1);
    expect(stdout).toMatch(
      /^holdfast\.yaml:3:3: save is never reached by "mirror save": any \(holdfast\.yaml:2:3\) matches all/m,
    );
    expect(stdout).toMatch(
      /^holdfast\.yaml:2:46: can deadlock: any \(calling deep\) holds a and waits for b, while save \(calling any-a\) holds b and waits for a/m,
    );
    expect(stdout).toMatch(/^4 operations checked, 2 found$/m);
    const json = JSON.parse((await check('--json')).stdout);
    expect(json.map(({ kind }: { kind: string }) => kind)).toEqual(['never-matches', 'deadlock']);
  });

  it('list shows each operation with its patterns, resources and policy [A2]', async () => {
    const cli = new Guarded(`global: one\n${RULES}`);
    const { code, stdout } = await cli.run(['rules', 'list'], { cwd: cli.project });
    expect(code).toBe(0);
    expect(stdout).toBe(
      `OPERATION  COMMAND           USES               WHEN BUSY     RULE
save       mirror save <to>  one                fail          holdfast.yaml:3
                             mirror
                             registry (shared)
patient    mirror patient    one                wait 1m 0s    holdfast.yaml:4
                             mirror
help       mirror help       nothing            fail          holdfast.yaml:5
Commands that no rule matches: allow
`
        .replace('WHEN BUSY     RULE', 'WHEN BUSY   RULE')
        .replace(/ {10}holdfast/g, '        holdfast')
        .replace('1m 0s    h', '1m 0s  h'),
    );
    const json = JSON.parse((await cli.run(['rules', 'list', '--json'], { cwd: cli.project })).stdout);
    expect(json).toMatchObject({
      unmatched: 'allow',
      operations: [{ name: 'save' }, {}, { unguarded: true }],
    });
  });
});

describe('rules that cannot be used', () => {
  it.each([
    [
      'broken YAML',
      'operations: {',
      /^holdfast: holdfast\.yaml:1:14: no valid YAML: .*\.\n1 \| operations: \{\n {2}\| {14}\^\n$/,
    ],
    [
      'an unknown key',
      'operation: {}',
      /^holdfast: holdfast\.yaml:1:1: the file has no key "operation"; did you mean "operations"\?\n/,
    ],
    [
      'a circle of files',
      'include: holdfast.yaml',
      /^holdfast: holdfast\.yaml:1:10: files include each other in a circle: holdfast\.yaml includes holdfast\.yaml\.\n/,
    ],
    [
      'a pattern that makes no sense',
      'operations: { a: mirror <b }',
      /^holdfast: holdfast\.yaml:1:25: < is never closed by >/,
    ],
  ])(
    'end every command that reads them with 125 before anything is run: %s [R82]',
    async (_what, text, says) => {
      const cli = new Guarded(text);
      for (const args of [
        ['guard', '--', 'mirror', 'save'],
        ['guard', '--explain', '--', 'mirror'],
        ['rules', 'check'],
        ['rules', 'list'],
      ]) {
        const result = await cli.run(args, { cwd: cli.project });
        expect(result, args.join(' ')).toMatchObject({ code: 125, stdout: '' });
        expect(result.stderr).toMatch(says);
      }
      const { error } = JSON.parse((await cli.guard('mirror save', '--json')).stderr);
      expect(error).toMatchObject({ code: 'HOLDFAST_RULES', exitCode: 125, file: 'holdfast.yaml', line: 1 });
    },
  );

  it('are asked for where there are none [R82]', async () => {
    const cli = new Guarded(RULES);
    const { code, stdout, stderr } = await cli.run(['guard', '--', 'mirror', 'save'], { cwd: '/' });
    expect({ code, stdout }).toEqual({ code: 125, stdout: '' });
    expect(stderr).toBe(
      `holdfast: no holdfast.yaml was found from / upward, nor at ${cli.home}/config/holdfast/holdfast.yaml. Write one, or name one with --rules FILE\n`,
    );
    cli.write('config/holdfast/holdfast.yaml', RULES);
    expect((await cli.run(['guard', '--', 'mirror', 'save', 'x'], { cwd: '/' })).code).toBe(0);
  });

  it('are named in the order in which they are tried [A2]', async () => {
    const cli = new Guarded(RULES);
    const first = cli.write('first.yaml', 'operations: { first: { command: mirror save *, uses: first } }');
    const both = ['--rules', first, '--rules', 'holdfast.yaml', '--explain'];
    expect((await cli.guard('mirror save x', ...both)).stdout).toMatch(/^rule +first /m);
    expect((await cli.guard('mirror patient', ...both)).stdout).toMatch(/^rule +patient /m);
  });
});
