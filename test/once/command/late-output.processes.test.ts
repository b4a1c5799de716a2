import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { perform } from '../../../src/once/command/perform.ts';
import { runKey } from '../../../src/once/command/run-key.ts';
import { HANGING } from '../../support/deadline.ts';
import { Latch } from '../../support/latch.ts';
import { newHome } from '../../support/place.ts';
import { someTurns } from '../../support/turns.ts';
import { until } from '../../support/until.ts';

/** Bytes. Many times what a pipe and ten seconds of a slow reader come to. */
const ENDLESS = 16 * 1024 * 1024;
const uninterrupted = { wait: new AbortController().signal, began: () => {}, passTo: () => {} };

it('late output is read before the run counts as over, though it came while this process stood still for as long as that takes [X40, X59]', async () => {
  const home = newHome();
  const gate = new Latch(join(home, 'gate'));
  const [pid, said] = [join(home, 'pid'), join(home, 'said')];
  const late = `: < ${gate.path}; echo late; : > ${said}; read -r _ < ${gate.path}`;
  const words: [string, ...string[]] = ['sh', '-c', `(${late}) & echo $$ > ${pid}; echo soon`];
  const key = runKey('late', { directory: home }, words);
  let output = '';
  const sink = (chunk: Uint8Array) => {
    output += Buffer.from(chunk).toString();
  };
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());

  const running = perform(
    key,
    { words },
    { sink, input: 'none', interruption: uninterrupted, onRun: () => {} },
  );
  await until(() => output === 'soon\n' && vi.getTimerCount() > 0, 'the command has ended');
  await someTurns();
  gate.open();
  const deadline = performance.now() + HANGING;
  while (!existsSync(said) && performance.now() < deadline); // this process reads nothing meanwhile
  vi.advanceTimersByTime(2_000);
  await until(
    () => output !== 'soon\n' || key.store.success() !== undefined,
    'it is read, or the run is over',
  );

  expect(output).toBe('soon\nlate\n');
  vi.advanceTimersByTime(2_000);
  await someTurns();
  vi.advanceTimersByTime(2_000);
  expect((await running).exitCode).toBe(0);
});

it('a run is over as soon as nobody has the outputs of its command open, and waits for no silence then [X40]', async () => {
  const words: [string, ...string[]] = ['sh', '-c', 'echo out; echo err >&2'];
  const key = runKey('closed', { directory: newHome() }, words);
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }); // no time passes
  onTestFinished(() => void vi.useRealTimers());
  let isOver = false;
  const stage = { sink: () => {}, input: 'none', interruption: uninterrupted, onRun: () => {} } as const;
  const running = perform(key, { words }, stage).finally(() => {
    isOver = true;
  });
  await until(() => isOver, 'the run is over');
  expect((await running).exitCode).toBe(0);
});

it('a run is over ten seconds after its command however much others write, when a slow reader has got all of what the command wrote [X40, X41]', async () => {
  const home = newHome();
  const pid = join(home, 'pid');
  const own = 60_000;
  const script = `head -c ${own} /dev/zero; yes & echo $! > ${pid}`;
  const words: [string, ...string[]] = ['bash', '-c', script];
  const key = runKey('flooded', { directory: home }, words);
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  let zeros = 0;
  let rest = 0;
  let take: (() => void) | undefined;
  const sink = async (chunk: Uint8Array) => {
    zeros += chunk.filter((byte) => byte === 0).length;
    rest += chunk.length;
    await new Promise<void>((resolve) => {
      take = resolve;
    });
  };
  let isOver = false;
  const stage = { sink, input: 'none', interruption: uninterrupted, onRun: () => {} } as const;
  const running = perform(key, { words }, stage).finally(() => {
    isOver = true;
  });
  await until(() => vi.getTimerCount() > 0, 'the command has ended');
  const flood = Number(readFileSync(pid, 'utf8'));
  onTestFinished(() => void process.kill(flood, 'SIGKILL'));
  while (!isOver && rest < ENDLESS) {
    await until(() => take !== undefined || isOver, 'the sink has the next chunk');
    vi.advanceTimersByTime(2_000);
    await someTurns();
    take?.();
    take = undefined;
  }
  expect(isOver).toBe(true);
  expect((await running).exitCode).toBe(0);
  expect(zeros).toBe(own);
  expect(rest).toBeGreaterThan(own);
});
