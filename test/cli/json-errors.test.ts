import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { type Cli, main } from './cli.ts';
import { Guarded } from './guarded.ts';
import { Task } from './task.ts';

/** What every error of every command is with `--json`. */
const SCHEMA = {
  type: 'object',
  required: ['error'],
  additionalProperties: false,
  properties: {
    error: {
      type: 'object',
      required: ['code', 'exitCode', 'message', 'resource', 'holders', 'waited'],
      properties: {
        code: {
          type: 'string',
          pattern: '^(HOLDFAST_[A-Z_]+|E[A-Z0-9]+)$',
          not: { const: 'HOLDFAST_INTERNAL' },
        },
        exitCode: { type: 'integer', minimum: 1, maximum: 255 },
        message: { type: 'string', minLength: 1 },
        resource: { type: ['string', 'null'] },
        holders: { type: 'array', items: { type: 'object' } },
        waited: { type: 'integer', minimum: 0 },
      },
    },
  },
} as const;

interface Told {
  readonly error: {
    readonly code: string;
    readonly exitCode: number;
    readonly resource: string | null;
    readonly holders: readonly { readonly pid: number }[];
    readonly waited: number;
  };
}

const isError = new Ajv({ allErrors: true }).compile<Told>(SCHEMA);

/** The error that a call ends with; all that it says before, and in it, is JSON without parts of numbers. */
async function errorOf(cli: Cli, args: readonly string[], cwd = cli.home): Promise<Told['error']> {
  const at = ['cache', 'doc'].includes(args[0] ?? '') ? 2 : 1;
  const { code, stderr } = await cli.run([...args.slice(0, at), '--json', ...args.slice(at)], { cwd });
  const lines: unknown[] = stderr
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
  const last = lines.pop();
  expect(isError(last), `${args.join(' ')}: ${JSON.stringify(isError.errors)}: ${stderr}`).toBe(true);
  expect(lines.every((line) => 'event' in (line as object))).toBe(true);
  expect(partsIn(stderr)).toEqual([]);
  const { error } = last as Told;
  expect(error.exitCode).toBe(code);
  return error;
}

/** The numbers in texts of JSON that are not whole. */
function partsIn(text: string): string[] {
  const outside = text.replaceAll(/"(?:[^"\\]|\\.)*"/g, '');
  return outside.match(/\d+\.\d+/g) ?? [];
}

const COMMANDS = [
  ...[
    'run',
    'guard',
    'once',
    'wait',
    'who',
    'ls',
    'top',
    'log',
    'break',
    'clean',
    'rules',
    'doctor',
    'fetch',
  ],
  ...['cache ls', 'cache path', 'cache verify', 'cache prune', 'cache rm', 'completion'],
  ...[
    'doc get',
    'doc set',
    'doc check',
    'doc watch',
    'doc backups',
    'doc restore',
    'doc merge',
    'doc resolve',
  ],
];

/** Bad words and what else fails without much ado: the call, and the code of its error. */
const FAILURES: readonly [call: string, code: string, resource?: string][] = [
  ['rnu', 'HOLDFAST_INPUT'],
  ['run x', 'HOLDFAST_INPUT'],
  ['run -w 5x x -- true', 'HOLDFAST_INPUT'],
  ['run --engine portable --require kernel x -- true', 'HOLDFAST_INPUT'],
  ['run x -- ./missing', 'HOLDFAST_NOT_STARTED'],
  ['run x -- ./plain', 'HOLDFAST_NOT_STARTED'],
  ['run plain/x/y -- true', 'HOLDFAST_UNWRITABLE', 'plain/x/y'],
  ['guard -- mirror save', 'HOLDFAST_RULES'],
  ['guard --shim', 'HOLDFAST_INPUT'],
  ['once', 'HOLDFAST_INPUT'],
  ['once x', 'HOLDFAST_INPUT'],
  ['once clean', 'HOLDFAST_INPUT'],
  ['once --wait never', 'HOLDFAST_NO_RESULT', 'never'],
  ['once --exit-code never', 'HOLDFAST_NO_RESULT', 'never'],
  ['once bad -- sh -c exit\t3', 'HOLDFAST_ONCE_FAILED', 'bad'],
  ['once bad -- ./missing', 'HOLDFAST_ONCE_FAILED', 'bad'],
  ['wait -w soon x', 'HOLDFAST_INPUT'],
  ['who .', 'HOLDFAST_INPUT'],
  ['ls --directory plain', 'HOLDFAST_UNREADABLE'],
  ['top --directory plain', 'HOLDFAST_UNREADABLE'],
  ['log -n many', 'HOLDFAST_INPUT'],
  ['break x', 'HOLDFAST_INPUT'],
  ['break --claim none x', 'HOLDFAST_LEFT_ALONE', 'x'],
  ['clean missing/', 'HOLDFAST_INPUT'],
  ['rules check', 'HOLDFAST_RULES'],
  ['rules list --rules wrong.yaml', 'HOLDFAST_RULES', 'wrong.yaml'],
  ['doctor missing', 'HOLDFAST_INPUT'],
  ['completion tcsh', 'HOLDFAST_INPUT'],
  ['fetch nowhere', 'HOLDFAST_INPUT'],
  ['fetch --policy never http://127.0.0.1:1/x', 'HOLDFAST_NOT_CACHED', 'http://127.0.0.1:1/x'],
  ['cache path none', 'HOLDFAST_NOT_CACHED', 'none'],
  ['cache ls --cache plain', 'HOLDFAST_CACHE_DIRECTORY'],
  ['cache prune --max-bytes some', 'HOLDFAST_INPUT'],
  ['doc get missing.json', 'HOLDFAST_MISSING'],
  ['doc get damaged.json', 'HOLDFAST_DAMAGED'],
  ['doc get whole.json b', 'HOLDFAST_NO_PATH'],
  ['doc set whole.json a b', 'HOLDFAST_INPUT'],
  ['doc check missing.json', 'HOLDFAST_MISSING'],
  ['doc restore whole.json other', 'HOLDFAST_NO_BACKUP'],
  ['doc merge whole.json damaged.json whole.json', 'HOLDFAST_JSON'],
  ['doc merge whole.json missing.json whole.json', 'HOLDFAST_UNREADABLE'],
];

function place(): Guarded {
  const cli = new Guarded('operations: {}\n');
  cli.env.HOLDFAST_CACHE = join(cli.home, 'cache');
  writeFileSync(join(cli.home, 'plain'), '');
  chmodSync(join(cli.home, 'plain'), 0o644);
  writeFileSync(join(cli.home, 'wrong.yaml'), 'operatoins: {}\n');
  writeFileSync(join(cli.home, 'whole.json'), '{"a": 1}\n');
  writeFileSync(join(cli.home, 'damaged.json'), '{"a": \n');
  return cli;
}

describe('with --json, an error has one shape', () => {
  it.each(COMMANDS)('of %s, when an option is unknown [X50]', async (command) => {
    expect(await errorOf(place(), [...command.split(' '), '--frobnicate'])).toMatchObject({
      code: 'HOLDFAST_INPUT',
      resource: null,
      holders: [],
      waited: 0,
    });
  });

  it.each([...FAILURES])('of %s, with the code %s [X50]', async (call, code, resource) => {
    const cli = place();
    const error = await errorOf(
      cli,
      call.split(' ').map((word) => word.replace('\t', ' ')),
    );
    expect(error.code).toBe(code);
    if (resource !== undefined) expect(error.resource).toBe(resource);
  });

  it('of the system, which keeps its code, and says what helps [X50]', async () => {
    const cli = place();
    symlinkSync('audit.jsonl', join(cli.home, 'audit.jsonl'));
    expect(await errorOf(cli, ['log'])).toMatchObject({
      code: 'ELOOP',
      message: expect.stringMatching(/audit\.jsonl cannot be used \(open: ELOOP\)\. Fix the symbolic links/),
    });
    rmSync(join(cli.home, 'audit.jsonl'));
    mkdirSync(join(cli.home, 'audit.jsonl'));
    expect(await errorOf(cli, ['log'])).toMatchObject({ code: 'HOLDFAST_UNREADABLE' });
  });

  it('of an audit log that can never be written, which does not pass for one without lines yet [X50]', async () => {
    const cli = place();
    const path = join(cli.home, 'audit.jsonl');
    symlinkSync('nowhere', path);
    for (const call of [['log'], ['log', '--follow']]) {
      expect(await errorOf(cli, call)).toMatchObject({
        code: 'HOLDFAST_UNREADABLE',
        file: path,
        message: expect.stringMatching(
          /audit\.jsonl is a symbolic link that leads nowhere, .*\. Move it away/,
        ),
      });
    }
    const file = join(cli.home, 'file');
    writeFileSync(file, '');
    cli.env.HOLDFAST_HOME = file;
    expect(await errorOf(cli, ['log'])).toMatchObject({
      code: 'ENOTDIR',
      message: expect.stringMatching(/Move \S+file away: a directory has to be there/),
    });
  });

  it('where the working directory is gone [X50]', async () => {
    const cli = place();
    const gone = join(cli.home, 'gone');
    mkdirSync(gone);
    const call = `cd ${gone} && rmdir ${gone} && exec "$0" "$@"`;
    const words = [process.execPath, main, 'guard', '--json', '--', 'true'];
    const { stderr } = await cli.program('sh', ['-c', call, ...words]).finish();
    expect(isError(JSON.parse(stderr)), stderr).toBe(true);
    expect(stderr).toContain('directory was deleted');
  });

  it('when a lock is not free, for whoever asks for it, and names its holder and the wait [X50]', async () => {
    const rules = 'operations:\n  act: { command: mirror *, uses: { x: exclusive }, scope: user }\n';
    const cli = new Guarded(rules);
    const { pid } = await cli.hold('x');
    const about = { resource: 'x', holders: [{ pid }] };
    const told = async (call: string) => errorOf(cli, call.split(' '), cli.project);

    expect(await told('run -n x -- true')).toMatchObject({ code: 'HOLDFAST_BUSY', exitCode: 75, ...about });
    expect(await told('guard -- mirror load')).toMatchObject({
      code: 'HOLDFAST_BUSY',
      exitCode: 75,
      ...about,
    });
    const late = { code: 'HOLDFAST_TIMEOUT', exitCode: 124, ...about };
    for (const call of [
      'run -w 40ms x -- true',
      'guard -w 40ms -- mirror load',
      'wait -w 40ms x',
      'wait -w 40ms y x',
    ]) {
      const error = await told(call);
      expect(error, call).toMatchObject(late);
      expect(error.waited, call).toBeGreaterThanOrEqual(40);
    }
    expect(await told('break --kill x')).toMatchObject({ code: 'HOLDFAST_UNCONFIRMED' });
  });

  it('when the run of once is not over, for whoever waits for it or forgets it [X50]', async () => {
    const task = new Task();
    const { cli } = task;
    task.start();
    await task.begun();
    const told = (...args: readonly string[]) => errorOf(cli, ['once', ...args], process.cwd());

    for (const how of [[], ['--wait'], ['--follow']]) {
      const error = await told(...how, '--timeout', '40ms', 'task', '--', ...task.words);
      expect(error, how.join()).toMatchObject({ code: 'HOLDFAST_TIMEOUT', exitCode: 124 });
      expect(error.holders.length, how.join()).toBe(1);
      expect(error.waited, how.join()).toBeGreaterThanOrEqual(40);
    }
    expect(await told('--reset', 'task')).toMatchObject({ code: 'HOLDFAST_LEFT_ALONE', resource: 'task' });
  });
});

it('spans are whole milliseconds wherever they are told as JSON [X50]', async () => {
  const task = new Task();
  const { cli } = task;
  const holder = await cli.hold('x');
  const waiter = cli.start(['run', '--json', 'x', '--', 'true']);
  await waiter.says(/waiting/, 'stderr');
  task.start();
  await task.begun();
  const looks = ['who x', 'ls', 'top -c 1', 'once ls', 'once history done', 'log', 'once --peek task'];
  await cli.run(['once', 'done', '--', 'true']);

  const told = [];
  for (const look of looks) told.push((await cli.run([...look.split(' '), '--json'])).stdout);
  holder.closeInput();
  told.push((await waiter.exits()).stderr);
  await holder.exits();
  told.push((await cli.run(['log', '--json'])).stdout);

  expect(told.every((text) => text.includes('{'))).toBe(true);
  expect(told.at(-1)).toMatch(/"event":"granted".*"waited":\d+[,}]/);
  expect(told.flatMap(partsIn)).toEqual([]);
});
