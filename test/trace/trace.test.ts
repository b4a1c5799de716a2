import { expect, it } from 'vitest';
import { trace } from '../../src/trace/trace.ts';
import { Cli, main } from '../cli/cli.ts';

const TRACED = { env: { NODE_DEBUG: 'holdfast' } };

/** The steps that were told about locks, in the order of their times, each with the process that told it. */
function history(...outputs: readonly string[]): { pid: number; time: number; step: string }[] {
  const lines = outputs.flatMap((output) =>
    output.split('\n').filter((line) => line.startsWith('HOLDFAST ')),
  );
  return lines
    .map((line) => {
      const [, pid, time, step = ''] = /^HOLDFAST (\d+): (\d+) thread \d+ \S+: (.*)$/.exec(line) ?? [];
      return { pid: Number(pid), time: Number(time), step };
    })
    .sort((a, b) => a.time - b.time);
}

/** Whether these steps of these processes happened in this order, whatever happened in between. */
function expectInOrder(
  told: ReturnType<typeof history>,
  steps: readonly (readonly [number, RegExp])[],
): void {
  let at = -1;
  for (const [pid, step] of steps) {
    at = told.findIndex((each, index) => index > at && each.pid === pid && step.test(each.step));
    if (at < 0) expect.fail(`${step} of ${pid} is missing in ${JSON.stringify(told, null, 1)}`);
  }
}

it('is nothing where NODE_DEBUG does not name Holdfast, so that a step costs nothing', () => {
  expect(trace).toBeUndefined();
});

it.each(['kernel', 'portable'])(
  'puts the steps of a holder and of a waiter into one history: %s engine',
  async (engine) => {
    const cli = new Cli();
    const run = ['run', '--engine', engine, 'x', '--'];
    const holder = cli.start([...run, 'sh', '-c', 'echo ready; cat'], TRACED);
    await holder.says(/ready/);
    const waiter = cli.start([...run, 'true'], TRACED);
    await waiter.says(/takes ticket/, 'stderr');

    const [first, second] = [await holder.finish(), await waiter.finish()];

    expect(first.code).toBe(0);
    expect(second.code).toBe(0);
    expectInOrder(history(first.stderr, second.stderr), [
      [holder.pid, /^granted with token \d+$/],
      [waiter.pid, /is held/],
      [waiter.pid, /^request \d+ waits \(exclusive, timeout Infinity ms\)$/],
      [waiter.pid, /^takes ticket \S+$/],
      [holder.pid, /is released|is given back/],
      [waiter.pid, /^granted with token \d+$/],
      [waiter.pid, /^request \d+ is granted after \d+ ms$/],
      [waiter.pid, /^true runs as process \d+, and (carries its locks|has its locks by their records)$/],
      [waiter.pid, /^true ended: 0$/],
      [waiter.pid, /is released|is given back/],
    ]);
  },
);

it('says when the holder before died, and how its claim is taken over', async () => {
  const cli = new Cli();
  const run = ['run', '--engine', 'portable', 'x', '--'];
  const holder = cli.start([...run, 'sh', '-c', 'echo ready; exec cat'], TRACED);
  await holder.says(/ready/);
  await holder.kill();

  const next = await cli.run([...run, 'true'], TRACED);

  const steps = history(next.stderr).map(({ step }) => step);
  const [, claim] = /claim (\w+): published/.exec(history(holder.stderr)[0]?.step ?? '') ?? [];
  expect(steps).toContain(`claim ${claim} is removed`);
  expect(steps.some((step) => /^granted with token \d+; the holder before it died$/.test(step))).toBe(true);
});

it('tells what becomes of a run of once', async () => {
  const cli = new Cli();
  const first = await cli.run(['once', 'x', '--', 'true'], TRACED);
  const second = await cli.run(['once', '--ttl', '0', 'x', '--', 'true'], TRACED);

  expect(first.stderr).toMatch(/begins run 1, attempt 1/);
  expect(first.stderr).toMatch(/run 1 succeeded, and is recorded/);
  expect(second.stderr).toMatch(/begins run 2, attempt 1; what is recorded: none/);
});

it('is dropped where it cannot be written, and changes nothing else', async () => {
  const cli = new Cli();
  const command = '"$0" "$1" run x -- sh -c "echo ran; exit 7" 2>/dev/full';
  const { code, stdout } = await cli.program('sh', ['-c', command, process.execPath, main], TRACED).finish();
  expect({ code, stdout }).toEqual({ code: 7, stdout: 'ran\n' });
});

it('has one line for each step, whatever a name holds, and no control characters', async () => {
  const cli = new Cli();
  const name = 'a\u001b[31m\nHOLDFAST 1: 5 thread 0 x: granted with token 999';
  const { stderr } = await cli.run(['run', '--name', name, '--', 'true'], TRACED);
  expect(stderr).not.toContain('\u001b');
  expect(stderr.split('\n').filter((line) => line.startsWith('HOLDFAST 1:'))).toEqual([]);
});
