import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { environmentOptions, VARIABLES } from '../../src/lock/environment.ts';
import { LockManager } from '../../src/lock/manager.ts';
import { Cli } from '../cli/cli.ts';
import { fixture } from '../support/child.ts';
import { tempDirectory } from '../support/temp.ts';
import { timeoutOf } from '../support/timeout.ts';

afterEach(() => vi.unstubAllEnvs());

const good: readonly (readonly [name: string, value: string, option: object])[] = [
  ['HOLDFAST_ENGINE', 'portable', { engine: 'portable' }],
  ['HOLDFAST_REQUIRE', 'kernel', { require: 'kernel' }],
  ['HOLDFAST_TIMEOUT', '1m30s', { timeout: 90_000 }],
  ['HOLDFAST_TIMEOUT', '0', { timeout: 0 }],
  ['HOLDFAST_STALE_AFTER', '2m', { staleAfter: 120_000 }],
  ['HOLDFAST_POLL_INTERVAL', '500ms', { pollInterval: 500 }],
];

const bad: readonly (readonly [name: string, value: string])[] = [
  ['HOLDFAST_ENGINE', 'flock'],
  ['HOLDFAST_ENGINE', 'Kernel'],
  ['HOLDFAST_REQUIRE', 'none'],
  ['HOLDFAST_TIMEOUT', '5'],
  ['HOLDFAST_TIMEOUT', '-1s'],
  ['HOLDFAST_TIMEOUT', 'soon\u001b[2J'],
  ['HOLDFAST_STALE_AFTER', '0'],
  ['HOLDFAST_STALE_AFTER', '0s'],
  ['HOLDFAST_POLL_INTERVAL', '0ms'],
  ['HOLDFAST_POLL_INTERVAL', 'NaN'],
];

describe('an environment variable', () => {
  it.each(good)('%s=%s stands in for the option [F13]', (name, value, option) => {
    expect(environmentOptions({ [name]: value })).toEqual(option);
  });

  it.each(bad)('%s=%j is an error that names it, before anything is made [F13]', (name, value) => {
    const directory = join(tempDirectory(), 'locks');
    vi.stubEnv(name, value);

    expect(() => new LockManager({ directory })).toThrow(
      expect.objectContaining({ code: 'HOLDFAST_INPUT', input: `environment variable ${name}` }),
    );
    expect(() => environmentOptions({ [name]: value })).not.toThrow('\u001b'); // which would reach a terminal
    expect(existsSync(directory)).toBe(false);
  });

  it('that is empty, or not Holdfast’s, counts as none [F13]', () => {
    const empty = Object.fromEntries(VARIABLES.map(({ name }) => [name, '']));
    expect(environmentOptions({ ...empty, HOLDFAST_OTHER: 'x' })).toEqual({});
  });

  it('gives way to the option of the acquisition, and that of the manager [F13]', async () => {
    const directory = tempDirectory();
    vi.stubEnv('HOLDFAST_TIMEOUT', '7s');
    vi.stubEnv('HOLDFAST_ENGINE', 'portable');
    vi.stubEnv('HOLDFAST_REQUIRE', 'claim');

    expect(await timeoutOf(new LockManager({ directory }))).toBe(7_000);
    expect(await timeoutOf(new LockManager({ directory, timeout: 8 }))).toBe(8);
    expect(await timeoutOf(new LockManager({ directory, timeout: 8 }), { timeout: 9 })).toBe(9);
    await new LockManager({ directory }).with('one', (lock) => expect(lock.contract).toBe('claim'));
    const kernel = new LockManager({ directory, engine: 'kernel', require: 'kernel' });
    await kernel.with('two', (lock) => expect(lock.contract).toBe('kernel'));
  });
});

describe('the command line', () => {
  it.each(bad)('refuses %s=%j with 125, naming it and running nothing [F13]', async (name, value) => {
    const cli = new Cli();
    const env = { [name]: value };

    const { code, stdout, stderr } = await cli.run(['run', 'mirror', '--', 'echo', 'ran'], { env });

    expect([code, stdout]).toEqual([125, '']);
    expect(stderr).toContain(`holdfast: environment variable ${name} must be`);
  });

  it('goes by the variables, and its options go before them [F13]', async () => {
    const cli = new Cli();
    const env = { HOLDFAST_ENGINE: 'portable', HOLDFAST_TIMEOUT: '10ms' };
    const holding = ['run', 'mirror', '--', process.execPath, fixture('cli-recorder.mjs')];
    const holder = cli.start(holding, { env });
    await holder.says(/ready/);

    expect(await cli.json(['who', '--json', 'mirror'])).toMatchObject({ contract: 'claim' });
    expect((await cli.run(['run', 'mirror', '--', 'true'], { env })).code).toBe(124);
    expect((await cli.run(['run', '--no-wait', 'mirror', '--', 'true'], { env })).code).toBe(75);
    expect((await cli.run(['wait', 'mirror'], { env })).code).toBe(124);
    const insisting = await cli.run(['run', '--engine', 'kernel', 'mirror', '--', 'true'], { env });
    expect([insisting.code, insisting.stderr]).toEqual([
      125,
      expect.stringContaining('HOLDFAST_ENGINE=portable'),
    ]);
    holder.closeInput();
    expect((await cli.run(['run', '-w', '50s', 'mirror', '--', 'echo', 'ran'], { env })).stdout).toBe(
      'ran\n',
    );
  });
});
