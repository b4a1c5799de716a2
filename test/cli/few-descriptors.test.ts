import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Cli, main } from './cli.ts';

/** From where holdfast itself can read nothing, to where it has all it wants. */
const LIMITS = [19, 20, 21, 22, 23, 24, 25, 26, 27, 28];

function limited(cli: Cli, limit: number, words: readonly string[]) {
  const script = `ulimit -n ${limit}; exec "$0" "$@"`;
  return cli.program('sh', ['-c', script, process.execPath, main, ...words]).exits();
}

/** One line that says what there is too much of, and what helps; neither an inner name nor an inner path. */
const TOLD = expect.stringMatching(
  /^holdfast: (?!.*(HOLDFAST_|\/proc\/|Find out)).*too many (files|open).*\(ulimit -n\).*\n$/,
);

it('a command that was started keeps its outcome however few descriptors are left to holdfast [H23]', async () => {
  const cli = new Cli();
  const ran = join(cli.home, 'ran');
  for (const limit of LIMITS) {
    rmSync(ran, { force: true });
    const words = ['run', 'x', '--', 'sh', '-c', `touch ${ran}; sleep 0.1; exit 5`];
    const { code, stderr } = await limited(cli, limit, words);
    if (existsSync(ran)) expect([limit, code, stderr]).toEqual([limit, 5, '']);
    else expect([limit, code, stderr]).toEqual([limit, 125, expect.stringMatching(/^holdfast: .*\n$/)]);
  }
});

it('a run under the portable engine says in one line that it cannot be, however few descriptors are left [H23]', async () => {
  for (const limit of LIMITS) {
    const cli = new Cli();
    cli.env.HOLDFAST_ENGINE = 'portable';
    const ran = join(cli.home, 'ran');
    const { code, stderr } = await limited(cli, limit, ['run', 'x', '--', 'touch', ran]);
    const isTold = expect.stringMatching(/^(holdfast: .*\n)+$/);
    expect([limit, code, stderr]).toEqual(existsSync(ran) ? [limit, 0, ''] : [limit, 125, isTold]);
  }
});

it('a descriptor that the command is to inherit beyond its limit is told as the cause, not the command [H23]', async () => {
  const cli = new Cli();
  cli.env.HOLDFAST_ENGINE = 'portable';
  const script = 'exec 200</dev/null; ulimit -n 100; exec "$0" "$@"';
  const run = cli.program('bash', ['-c', script, process.execPath, main, 'run', 'x', '--', 'true']);
  const { code, stderr } = await run.exits();
  expect([code, stderr]).toEqual([
    125,
    expect.stringMatching(/^holdfast: true cannot be started: a descriptor .* beyond the limit .*\n$/),
  ]);
});

it('that a command of once could not be started for want of descriptors is told in one line with the cure, and is nobody else’s failure [H23, R82]', async () => {
  for (const limit of LIMITS) {
    const cli = new Cli();
    const ran = join(cli.home, 'ran');
    const words = ['once', '--failure-ttl', '1h', 'x', '--', 'sh', '-c', `touch ${ran}; echo out; exit 5`];
    const { code, stdout, stderr } = await limited(cli, limit, words);
    if (existsSync(ran)) expect([limit, code, stdout]).toEqual([limit, 5, 'out\n']);
    else {
      expect([limit, code, stderr]).toEqual([limit, 125, TOLD]);
      expect(await cli.run(words)).toMatchObject({ code: 5, stdout: 'out\n' });
    }
  }
});

it('a run that cannot be started in the background for want of descriptors says so in one line [H23]', async () => {
  for (const limit of LIMITS) {
    const { code, stderr } = await limited(new Cli(), limit, ['once', '--detach', 'x', '--', 'true']);
    expect([limit, stderr]).toEqual([limit, code === 0 ? expect.stringMatching(/^holdfast: .*\n$/) : TOLD]);
    expect([0, 125]).toContain(code);
  }
});

it('a record that cannot be read for want of descriptors is told with the cure [H23, R82]', async () => {
  const cli = new Cli();
  await cli.run(['once', 'x', '--', 'true']);
  for (const limit of LIMITS) {
    const { code, stderr } = await limited(cli, limit, ['once', '--peek', 'x']);
    expect([limit, code, stderr]).toEqual([limit, code === 0 ? 0 : 125, code === 0 ? '' : TOLD]);
  }
});
